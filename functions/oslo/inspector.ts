import type { Channel } from 'amqplib';
import { beforeDeadline, Deadline } from '../time/deadline.ts';
import type { Target } from './call.ts';
import { MessageDeliveryFailure } from './errors.ts';
import type { Liveness } from './liveness.ts';
import { Semaphore } from './semaphore.ts';

/** What the broker counts of a queue. */
export interface QueueCounts {
  readonly consumers: number;
  /** Messages that wait in the queue. */
  readonly messages: number;
}

export interface QuestionTiming {
  /** Until when the question may wait for its slot. */
  readonly deadline: Deadline;
  /** How long the broker may take to open a channel, in milliseconds. */
  readonly openTimeoutMs: number;
  /** How long the broker may then take to answer, in milliseconds. */
  readonly answerTimeoutMs: number;
}

/**
 * How many questions are open at once. A question about a queue whose node is down stays open until RabbitMQ gives up
 * (on 4.3 no answer came within six seconds), whether or not anyone still waits for the answer.
 */
const QUESTIONS_AT_ONCE = 16;

/**
 * Asks the broker about topics, each question on a channel of its own: asked for a queue that is missing, or that the
 * user may not see, the broker closes the channel.
 */
export class Inspector {
  readonly #openChannel: () => Promise<Channel>;
  readonly #unboundKey: string;
  readonly #liveness: Liveness;
  readonly #slots = new Semaphore(QUESTIONS_AT_ONCE);

  /**
   * @param openChannel opens a channel to be thrown away
   * @param unboundKey the name of a queue of ours, with which no queue is bound as a routing key
   */
  constructor(openChannel: () => Promise<Channel>, unboundKey: string, liveness: Liveness) {
    this.#openChannel = openChannel;
    this.#unboundKey = unboundKey;
    this.#liveness = liveness;
  }

  /**
   * Asks for the counts of a topic's queue.
   *
   * @param isStillWanted asked when the question has its slot; a question that is no longer wanted is not asked
   * @returns undefined when the broker does not say
   * @throws MessageDeliveryFailure, `unconfirmed` or `closed`, when the broker does not even open a channel: the
   * connection is dead
   */
  async queueCounts(
    target: Target,
    timing: QuestionTiming,
    isStillWanted = () => true,
  ): Promise<QueueCounts | undefined> {
    if (!(await this.#slots.acquire(timing.deadline))) return undefined;
    const release = () => this.#slots.release();
    if (isStillWanted()) return this.#ask(target, timing, release);
    release();
    return undefined;
  }

  /**
   * Asks the broker for a sign of life; the broker then reports an alarm, too.
   *
   * @throws MessageDeliveryFailure, as {@link queueCounts}, when there is none
   */
  async proveAlive(exchange: string, timeoutMs: number): Promise<void> {
    const timing = { openTimeoutMs: timeoutMs, answerTimeoutMs: timeoutMs };
    await this.#ask({ exchange, topic: this.#unboundKey }, timing, () => undefined);
  }

  /** RabbitMQ reports a memory or disk alarm only to those who publish, so a message that reaches nobody goes before. */
  async #ask(
    target: Target,
    { openTimeoutMs, answerTimeoutMs }: Omit<QuestionTiming, 'deadline'>,
    onEnd: () => void,
  ): Promise<QueueCounts | undefined> {
    const channel = await this.#open(openTimeoutMs, onEnd);
    channel.publish(target.exchange, this.#unboundKey, Buffer.alloc(0));
    const question = channel.checkQueue(target.topic).catch(() => undefined);
    const answer = await beforeDeadline(question, Deadline.in(answerTimeoutMs));
    channel.close().catch(() => undefined);
    return answer && { consumers: answer.consumerCount, messages: answer.messageCount };
  }

  async #open(timeoutMs: number, onClose: () => void): Promise<Channel> {
    const opening = this.#openChannel();
    opening.then((channel) => channel.once('close', onClose), onClose);
    const failing = opening.catch((cause) => {
      throw new MessageDeliveryFailure('closed', 'The connection is closing', { cause });
    });
    const channel = await beforeDeadline(failing, Deadline.in(timeoutMs));
    if (channel === undefined) {
      opening.then((late) => late.close()).catch(() => undefined);
      throw new MessageDeliveryFailure('unconfirmed', 'The broker gives no sign of life');
    }
    this.#liveness.seen();
    return channel;
  }
}
