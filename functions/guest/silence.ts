import { CodedError } from '../coded-error.ts';
import type { Call, Target } from '../oslo/call.ts';
import type { Inspector, QueueCounts } from '../oslo/inspector.ts';
import type { Deadline } from '../time/deadline.ts';

export interface SilenceOptions {
  readonly target: Target;
  /** When the wait for the guest ends. */
  readonly deadline: Deadline;
  /** How long a guest is waited for while nobody consumes its queue, in milliseconds. */
  readonly graceMs: number;
  /** When the first question is asked, in milliseconds after the ping. */
  readonly firstQuestionMs?: number | undefined;
  /** How long after one question the next one is asked, in milliseconds; may be infinite. */
  readonly askEveryMs?: number | undefined;
  /** How long the broker may take to open a channel, which proves that the connection lives, and then to answer. */
  readonly answerTimeoutMs?: number | undefined;
  /** Whether the broker is asked for a sign of life while it has not taken the ping; by default it is. */
  readonly provesLife?: boolean | undefined;
}

/** The grace is over, and nobody consumes the guest's queue: its agent is down. */
export class NoConsumer extends CodedError {
  override readonly name = 'NoConsumer';
  readonly code = 'no_consumer';
}

/** A healthy guest has answered by then, so that a healthy guest costs no question. */
const FIRST_QUESTION_MS = 250;

/** The agent or the connection may die while the guest is waited for. */
const ASK_EVERY_MS = 2000;

/** An idle broker answers within milliseconds. */
const ANSWER_TIMEOUT_MS = 1000;

/** When the broker is asked about a guest; all times are milliseconds since the ping was sent. */
export interface Schedule {
  readonly firstMs: number;
  readonly askEveryMs: number;
  readonly graceMs: number;
  /** When the last question is asked, so that its answer comes before the deadline. */
  readonly lastMs: number;
  /** How long the broker may take for each of an answer's two steps. */
  readonly answerTimeoutMs: number;
}

/**
 * The time of the next question: again and again, once when the grace of a guest that nobody listens for is over, and
 * for the last time shortly before the deadline.
 *
 * @param askedMs the time of the question before
 * @param nobodySinceMs since when nobody has consumed the guest's queue, as far as that is known
 * @returns infinity when all questions were asked
 */
export function nextQuestionMs(
  { askEveryMs, graceMs, lastMs }: Schedule,
  askedMs: number,
  nobodySinceMs: number | undefined,
): number {
  const graceEndMs = nobodySinceMs === undefined ? Number.POSITIVE_INFINITY : nobodySinceMs + graceMs;
  const times = [askedMs + askEveryMs, graceEndMs, lastMs];
  return Math.min(...times.filter((time) => time > askedMs && time <= lastMs));
}

/** The ping whose guest keeps silent. Until the broker has confirmed the ping, nothing is asked about the guest's queue. */
export type WatchedPing = Pick<Call, 'isConfirmed' | 'reject'>;

/** Finds out why a guest keeps silent: asks the broker, by a {@link Schedule}, who consumes the guest's queue. */
export class Silence {
  readonly #inspector: Pick<Inspector, 'listeners' | 'proveAlive'>;
  readonly #options: SilenceOptions;
  /** When the ping was sent, in the milliseconds of `performance.now()`. */
  readonly #begunMs = performance.now();
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;
  #listeners: QueueCounts | undefined;

  constructor(inspector: Pick<Inspector, 'listeners' | 'proveAlive'>, options: SilenceOptions) {
    this.#inspector = inspector;
    this.#options = options;
  }

  /** Who listened when the broker last said so; undefined where the broker never did. */
  get listeners(): QueueCounts | undefined {
    return this.#listeners;
  }

  /**
   * Begins to watch, until {@link end} is called.
   *
   * @param ping rejected at most once, when the wait for the guest is in vain: with NoConsumer, or with what a question
   * threw, which is a MessageDeliveryFailure when the connection is dead
   */
  watch(ping: WatchedPing): void {
    // In a sweep nearly every wait ends before the first question: an async function begun here would never end, and V8
    // never compiles such a function, however often it is called.
    const schedule = this.#schedule();
    const ask = () => void this.#askBy(schedule, ping).catch((error) => ping.reject(error));
    this.#timer = setTimeout(ask, this.#untilMs(schedule.firstMs));
  }

  /** To be called when the wait is over, whatever ended it. */
  end(): void {
    clearTimeout(this.#timer);
    this.#isOver = true;
  }

  #schedule(): Schedule {
    const {
      deadline,
      graceMs,
      firstQuestionMs = FIRST_QUESTION_MS,
      askEveryMs = ASK_EVERY_MS,
    } = this.#options;
    const timeoutMs = performance.now() - this.#begunMs + deadline.leftMs;
    const answerTimeoutMs = Math.min(this.#options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS, timeoutMs / 2);
    return {
      firstMs: Math.min(firstQuestionMs, timeoutMs / 4),
      askEveryMs,
      graceMs,
      lastMs: timeoutMs - 1.1 * answerTimeoutMs,
      answerTimeoutMs,
    };
  }

  async #askBy(schedule: Schedule, ping: WatchedPing): Promise<void> {
    let askedMs = schedule.firstMs;
    let nobodySinceMs: number | undefined;
    for (;;) {
      const answer = await this.#ask(ping, schedule.answerTimeoutMs);
      if (this.#isOver) return;
      if (answer !== undefined) {
        const isFirst = this.#listeners === undefined;
        this.#listeners = answer;
        if (answer.consumers > 0) nobodySinceMs = undefined;
        else nobodySinceMs ??= isFirst ? 0 : askedMs;
        const isInVain = nobodySinceMs !== undefined && askedMs >= nobodySinceMs + schedule.graceMs;
        if (isInVain) throw new NoConsumer();
      }
      askedMs = nextQuestionMs(schedule, askedMs, nobodySinceMs);
      await this.#sleepUntil(askedMs);
    }
  }

  async #ask({ isConfirmed }: WatchedPing, answerTimeoutMs: number): Promise<QueueCounts | undefined> {
    const { target, deadline, provesLife = true } = this.#options;
    if (isConfirmed) {
      const timeouts = { openTimeoutMs: answerTimeoutMs, answerTimeoutMs };
      const isStillWanted = () => !this.#isOver;
      return this.#inspector.listeners(target, { deadline, ...timeouts, isStillWanted });
    }
    if (provesLife) await this.#inspector.proveAlive(target.exchange, answerTimeoutMs);
    return undefined;
  }

  /** Never resolves once the wait has ended. */
  async #sleepUntil(timeMs: number): Promise<void> {
    const { promise: awake, resolve } = Promise.withResolvers<void>();
    if (Number.isFinite(timeMs)) this.#timer = setTimeout(resolve, this.#untilMs(timeMs));
    await awake;
  }

  #untilMs(timeMs: number): number {
    return Math.max(0, this.#begunMs + timeMs - performance.now());
  }
}
