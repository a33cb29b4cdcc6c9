import type { Channel } from 'amqplib';
import { beforeDeadline, Deadline } from '../time/deadline.ts';
import type { Target } from './call.ts';
import { type Channels, NO_CHANNEL_MS, NoChannel, unlessEnding } from './channels.ts';
import { MessageDeliveryFailure } from './errors.ts';
import type { Liveness } from './liveness.ts';
import { bindReplyExchange } from './reply-queue.ts';
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

const NOT_FOUND = 404;

/** RabbitMQ 3 has no route to such a queue, and says 404 as of one that is missing. */
const NODE_DOWN = /home node .* is down or inaccessible/;

/**
 * Asks the broker about queues, each question on a channel of its own: asked for a queue that is missing, or that the
 * user may not see, the broker closes the channel.
 */
export class Inspector {
  readonly #channels: Pick<Channels, 'open'>;
  readonly #consuming: Pick<Channel, 'checkQueue'>;
  readonly #replyQueue: string;
  readonly #liveness: Liveness;
  readonly #slots = new Semaphore(QUESTIONS_AT_ONCE);
  #hasTriedToBind = false;

  /**
   * @param consuming a channel that is open already: for a sign of life, where no other channel is to be had
   * @param replyQueue the client's, with whose name as a routing key no queue is bound to a control exchange
   */
  constructor(
    channels: Pick<Channels, 'open'>,
    consuming: Pick<Channel, 'checkQueue'>,
    replyQueue: string,
    liveness: Liveness,
  ) {
    this.#channels = channels;
    this.#consuming = consuming;
    this.#replyQueue = replyQueue;
    this.#liveness = liveness;
  }

  /**
   * Asks for the counts of a topic's queue.
   *
   * @param isStillSilent where a server keeps silent: asked when the question has its slot; if the server has answered by then, the
   * question is not asked. If the queue has a consumer, the reply exchange is bound, since the server may be an old one.
   * @returns `missing`: there is no such queue; `down`: its node is, as RabbitMQ 3 says; undefined: the broker does not say in time,
   * as of a queue whose node is down on RabbitMQ 4, the user has no permission, or no channel or slot is to be had
   * @throws MessageDeliveryFailure, `unconfirmed` or `closed`, when the broker does not even open a channel, or closes the
   * connection: it is dead
   */
  async queueCounts(
    target: Target,
    timing: QuestionTiming,
    isStillSilent?: () => boolean,
  ): Promise<QueueCounts | 'missing' | 'down' | undefined> {
    if (!(await this.#slots.acquire(timing.deadline))) return undefined;
    const release = () => this.#slots.release();
    if (isStillSilent?.() !== false) return this.#ask(target, timing, release, isStillSilent !== undefined);
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
    await this.#ask({ exchange, topic: this.#replyQueue }, timing, () => undefined);
  }

  /** RabbitMQ reports a memory or disk alarm only to those who publish, so a message that reaches nobody is sent along. */
  async #ask(
    { exchange, topic }: Target,
    { openTimeoutMs, answerTimeoutMs }: Omit<QuestionTiming, 'deadline'>,
    onEnd: () => void,
    isSilent = false,
  ): Promise<QueueCounts | 'missing' | 'down' | undefined> {
    const channel = await this.#open(openTimeoutMs, onEnd);
    if (channel === undefined) return undefined;
    const question = channel.checkQueue(topic).then(
      ({ consumerCount, messageCount }) => ({ consumers: consumerCount, messages: messageCount }),
      ({ code, message }) => (code !== NOT_FOUND ? undefined : NODE_DOWN.test(message) ? 'down' : 'missing'),
    );
    // After the question: a user may have no permission for this key, and the broker then closes the channel.
    await unlessEnding(Promise.try(() => channel.publish(exchange, this.#replyQueue, Buffer.alloc(0))));
    const answer = await beforeDeadline(question, Deadline.in(answerTimeoutMs));
    const isConsumed = typeof answer === 'object' && answer.consumers > 0;
    // On this channel, since the broker may allow no further one.
    const bound = isSilent && isConsumed ? this.#bindExchange(channel) : Promise.resolve();
    bound.then(() => channel.close()).catch(() => undefined);
    return answer;
  }

  /** Once; it stays unbound where the user may not write to the reply queue. */
  async #bindExchange(channel: Channel): Promise<void> {
    if (this.#hasTriedToBind) return;
    this.#hasTriedToBind = true;
    await bindReplyExchange(channel, this.#replyQueue);
  }

  /** @returns undefined when the connection has as many channels as it may */
  async #open(timeoutMs: number, onClose: () => void): Promise<Channel | undefined> {
    const deadline = Deadline.in(timeoutMs);
    const opening = this.#channels.open(deadline.share(0.5).within(NO_CHANNEL_MS)); // the rest is for a sign of life
    opening.then((channel) => channel.once('close', onClose), onClose);
    try {
      const channel = await beforeDeadline(unlessEnding(opening), deadline);
      if (channel !== undefined) {
        this.#liveness.seen();
        return channel;
      }
      opening.then((late) => late.close()).catch(() => undefined);
    } catch (error) {
      if (!(error instanceof NoChannel)) throw error;
      if (await this.#isAnswered(deadline)) return undefined;
    }
    throw new MessageDeliveryFailure('unconfirmed', 'The broker gives no sign of life');
  }

  async #isAnswered(deadline: Deadline): Promise<boolean> {
    const answer = this.#consuming.checkQueue(this.#replyQueue).catch(() => undefined);
    const isAnswered = (await beforeDeadline(answer, deadline)) !== undefined;
    if (isAnswered) this.#liveness.seen();
    return isAnswered;
  }
}
