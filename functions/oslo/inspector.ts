import type { Channel } from 'amqplib';
import { beforeDeadline, Deadline } from '../time/deadline.ts';
import type { Target } from './call.ts';
import { MessageDeliveryFailure } from './errors.ts';
import type { Liveness } from './liveness.ts';
import { Semaphore } from './semaphore.ts';

/** Who listens on a topic, by the broker's account. */
export interface QueueCounts {
  /** Consumers of the topic's queue. */
  readonly consumers: number;
  /** Messages that wait in that queue. */
  readonly messages: number;
}

export interface QuestionOptions {
  /** Until when the question may wait for its turn. */
  readonly deadline: Deadline;
  /** How long the broker may take to open a channel, in milliseconds. */
  readonly openTimeoutMs: number;
  /** How long the broker may then take to answer, in milliseconds. */
  readonly answerTimeoutMs: number;
  /** Asked when the turn has come; a question that is no longer wanted is not asked. */
  readonly isStillWanted?: () => boolean;
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
   * Asks who listens on a topic.
   *
   * @returns undefined when the broker does not say
   * @throws MessageDeliveryFailure, `unconfirmed` or `closed`, when the broker does not even open a channel: the
   * connection is dead
   */
  async listeners(target: Target, options: QuestionOptions): Promise<QueueCounts | undefined> {
    if (!(await this.#slots.acquire(options.deadline))) return undefined;
    const release = () => this.#slots.release();
    if (options.isStillWanted?.() !== false) return this.#ask(target, options, release);
    release();
    return undefined;
  }

  /**
   * Asks the broker for a sign of life; the broker then reports an alarm, too.
   *
   * @throws MessageDeliveryFailure, as {@link listeners}, when there is none
   */
  async proveAlive(exchange: string, timeoutMs: number): Promise<void> {
    const timeouts = { openTimeoutMs: timeoutMs, answerTimeoutMs: timeoutMs };
    await this.#ask({ exchange, topic: this.#unboundKey }, timeouts, () => undefined);
  }

  /** RabbitMQ reports a memory or disk alarm only to those who publish, so a message that reaches nobody goes before. */
  async #ask(
    target: Target,
    { openTimeoutMs, answerTimeoutMs }: Pick<QuestionOptions, 'openTimeoutMs' | 'answerTimeoutMs'>,
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
    if (channel === undefined)
      throw new MessageDeliveryFailure('unconfirmed', 'The broker gives no sign of life');
    this.#liveness.seen();
    return channel;
  }
}
