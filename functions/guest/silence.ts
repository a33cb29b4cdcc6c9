import { CodedError } from '../coded-error.ts';
import type { Call, Target } from '../oslo/call.ts';
import { MessageDeliveryFailure, MessageUndeliverable } from '../oslo/errors.ts';
import type { Inspector, QueueCounts } from '../oslo/inspector.ts';
import { Deadline } from '../time/deadline.ts';
import { nextQuestionMs, type PingTiming } from './timing.ts';

/** The grace is over, and nobody consumes the guest's queue: its agent is down. */
export class NoConsumer extends CodedError {
  readonly code = 'no_consumer';
}

/** The ping whose guest keeps silent. While the broker does not confirm the ping, nothing is asked about the guest's queue. */
export type WatchedPing = Pick<Call, 'isPlain' | 'isUnconfirmed' | 'sendAgain' | 'reject'>;

/** Finds out why a guest keeps silent: asks the broker, by the ping's timing, who consumes the guest's queue. */
export class Silence {
  readonly #inspector: Pick<Inspector, 'queueCounts' | 'proveAlive'>;
  readonly #target: Target;
  readonly #timing: PingTiming;
  /** When the ping was sent, in the milliseconds of `performance.now()`. */
  readonly #sentMs = performance.now();
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;
  #queue: QueueCounts | undefined;
  #askMs: number | undefined;
  #isDown = false;

  constructor(inspector: Pick<Inspector, 'queueCounts' | 'proveAlive'>, target: Target, timing: PingTiming) {
    this.#inspector = inspector;
    this.#target = target;
    this.#timing = timing;
  }

  /** What the guest's queue held when the broker last said so; undefined where the broker never did. */
  get queue(): QueueCounts | undefined {
    return this.#queue;
  }

  /** What a ping fails with whose queue has no route, since the broker node that holds the queue is down. */
  get downFailure(): MessageDeliveryFailure | undefined {
    return this.#isDown ? queueDown() : undefined;
  }

  /** How long the last question about the guest's queue took; undefined where none has ended. */
  get askMs(): number | undefined {
    return this.#askMs;
  }

  /**
   * Asks about the guest's queue when the ping has ended: refused, or answered in a way that more than one agent explains.
   *
   * @param isSlow whether the broker is slow for all: about a queue that is not down it then takes longer to answer, too
   * @returns undefined where the broker does not say, or says that there is no queue
   */
  async askOnceMore(isSlow = false): Promise<QueueCounts | undefined> {
    const { answerTimeoutMs, refusedAnswerMs, deadline, openTimeoutMs } = this.#timing;
    let startMs = performance.now();
    let waitMs = refusedAnswerMs;
    if (isSlow) {
      await this.#inspector.proveAlive(this.#target.exchange, answerTimeoutMs);
      waitMs = Math.max(waitMs, 2 * (performance.now() - startMs));
      startMs = performance.now();
    }
    const timing = { deadline, openTimeoutMs, answerTimeoutMs: waitMs };
    const queue = await this.#inspector.queueCounts(this.#target, timing);
    this.#askMs = performance.now() - startMs;
    if (queue === 'down') this.#isDown = true;
    return typeof queue === 'string' ? undefined : queue;
  }

  /**
   * Watches until {@link end} is called. A ping sent without a confirm is sent again, unless it waits in a queue without a
   * consumer. One sent with a confirm is sent again only if several agents consume the queue: one of them may hang.
   *
   * @param ping rejected at most once, when it is no use to wait any longer: with NoConsumer, with MessageUndeliverable
   * where the guest has no queue, or with what a question threw: MessageDeliveryFailure when the connection is dead
   */
  watch(ping: WatchedPing): void {
    // In a sweep nearly every wait ends before the first question: an async function called here would never end, and V8
    // never compiles such a function, however often it is called.
    const { firstQuestionMs, lastQuestionMs, silenceMs } = this.#timing;
    const askAt = (timeMs: number) => {
      const ask = () => {
        const nextMs = Math.min(silenceMs(), lastQuestionMs);
        if (this.#isOver) return;
        if (nextMs > timeMs) askAt(nextMs);
        else void this.#askUntilOver(ping, timeMs).catch((error) => ping.reject(error));
      };
      // What has arrived is read first: after a freeze, a guest whose answer is there takes no slot for a question.
      this.#timer = setTimeout(setImmediate, this.#untilMs(timeMs), ask);
    };
    askAt(firstQuestionMs);
  }

  /** To be called when the wait is over, whatever ended it. */
  end(): void {
    clearTimeout(this.#timer);
    this.#isOver = true;
  }

  async #askUntilOver(ping: WatchedPing, firstMs: number): Promise<void> {
    let askedMs = firstMs;
    let withoutConsumerSinceMs: number | undefined;
    for (;;) {
      const queue = await this.#ask(ping);
      if (this.#isOver) return;
      const { consumers, messages } = queue ?? { consumers: 1, messages: 0 };
      const isWaiting = consumers === 0 && messages > 0;
      if (ping.isPlain ? !isWaiting : consumers > 1) ping.sendAgain();
      if (queue !== undefined) {
        const isFirst = this.#queue === undefined;
        this.#queue = queue;
        if (consumers > 0) withoutConsumerSinceMs = undefined;
        else withoutConsumerSinceMs ??= isFirst ? 0 : askedMs;
        if (withoutConsumerSinceMs !== undefined && askedMs >= withoutConsumerSinceMs + this.#timing.graceMs)
          throw new NoConsumer();
      }
      askedMs = nextQuestionMs(this.#timing, askedMs, withoutConsumerSinceMs);
      await this.#sleepUntil(askedMs);
    }
  }

  async #ask(ping: WatchedPing): Promise<QueueCounts | undefined> {
    const { sendAgainMs, openTimeoutMs, answerTimeoutMs, provesLife } = this.#timing;
    if (ping.isUnconfirmed) {
      if (provesLife) await this.#inspector.proveAlive(this.#target.exchange, answerTimeoutMs);
      return undefined;
    }
    if (ping.isPlain && this.#queue === undefined)
      this.#timer = setTimeout(() => ping.sendAgain(), this.#untilMs(sendAgainMs));
    const startMs = performance.now();
    // Whoever has no slot by the deadline may still be asked about: after a freeze, the wait ends later.
    const timing = { deadline: Deadline.never, openTimeoutMs, answerTimeoutMs };
    const answer = await this.#inspector.queueCounts(this.#target, timing, () => !this.#isOver);
    if (!this.#isOver) this.#askMs = performance.now() - startMs;
    clearTimeout(this.#timer);
    if (answer === 'down') throw queueDown();
    if (answer === 'missing') throw new MessageUndeliverable('The queue is missing, or went meanwhile');
    return answer;
  }

  /** Never resolves once the wait has ended. */
  async #sleepUntil(timeMs: number): Promise<void> {
    const { promise: awake, resolve } = Promise.withResolvers<void>();
    if (Number.isFinite(timeMs)) this.#timer = setTimeout(resolve, this.#untilMs(timeMs));
    await awake;
  }

  #untilMs(timeMs: number): number {
    return Math.max(0, this.#sentMs + timeMs - performance.now());
  }
}

function queueDown(): MessageDeliveryFailure {
  return new MessageDeliveryFailure('nacked', "Not delivered: the queue's broker node is down");
}
