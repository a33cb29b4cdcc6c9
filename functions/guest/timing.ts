import type { CallTiming } from '../oslo/call.ts';
import type { QuestionTiming } from '../oslo/inspector.ts';
import type { Deadline } from '../time/deadline.ts';

/**
 * What happens to a ping that stays unanswered, and when: for a single ping, for a ping of a sweep, and at most at that
 * share of the ping's time. In milliseconds, counted from the ping where a row does not say otherwise.
 */
const TABLE = {
  /** The broker is asked who consumes the guest's queue; a healthy guest has answered. In a sweep: when the grace is over. */
  firstQuestionMs: { single: 100, sweep: Number.POSITIVE_INFINITY, share: 1 / 8 },
  /** Sent again, with a publisher confirm, where the first had none, unless the broker has said that nobody consumes. */
  sendAgainMs: { single: 250, sweep: Number.POSITIVE_INFINITY, share: 1 / 4 },
  /** A connection that may be dead has shown a sign of life, or counts as dead. */
  signOfLifeMs: { single: 1000, sweep: 10_000, share: 1 },
  /** Sent on a channel of its own, so long after it was sent with a confirm that did not come. */
  ownChannelAfterMs: { single: 1000, sweep: 1000, share: 1 },
  /** Asked again, so long after the question before: the agent or the connection may die meanwhile. */
  askEveryMs: { single: 2000, sweep: Number.POSITIVE_INFINITY, share: 1 },
  /** How long the broker may take to open a channel for a question, and then to answer; in a sweep it is busy. */
  answerTimeoutMs: { single: 1000, sweep: 10_000, share: 1 / 2 },
  /** How long it may take to answer about a queue that has refused the ping: of one that is down it says nothing. */
  refusedAnswerMs: { single: 1000, sweep: 1000, share: 1 },
  /** Sent for the last time, if still not confirmed: a quorum queue whose leader hangs has a new one within 10 s. */
  lastSendMs: { single: Number.POSITIVE_INFINITY, sweep: Number.POSITIVE_INFINITY, share: 2 / 3 },
} as const;

type Row = (typeof TABLE)[keyof typeof TABLE];

const noSilence = (): number => 0;

/** How long the broker may take to show that it lives. */
export const SIGN_OF_LIFE_MS = TABLE.signOfLifeMs;

/** One column of the table, for one ping. Each time is computed when it is asked for: a healthy guest's ping needs but two. */
export class PingTiming implements CallTiming, QuestionTiming {
  readonly deadline: Deadline;
  /** How long a guest is waited for while nobody consumes its queue: its agent may be restarting. */
  readonly graceMs: number;
  /** Nothing is asked before, unless it is time for the last question. In a sweep: while all guests are slow. */
  readonly silenceMs: () => number;
  readonly #kind: 'single' | 'sweep';
  readonly #timeoutMs: number;
  readonly #isReused: boolean;
  readonly #hasAnswered: boolean;

  /**
   * @param deadline when the wait for the pong ends
   * @param isReused whether the connection was open before, and may be dead
   * @param hasAnswered whether the guest has answered before: its ping needs no publisher confirm at first
   * @param silenceMs as {@link PingTiming.silenceMs}
   */
  constructor(
    kind: 'single' | 'sweep',
    deadline: Deadline,
    graceMs: number,
    { isReused = true, hasAnswered = false, silenceMs = noSilence } = {},
  ) {
    this.deadline = deadline;
    this.graceMs = graceMs;
    this.silenceMs = silenceMs;
    this.#kind = kind;
    this.#timeoutMs = deadline.leftMs;
    this.#isReused = isReused;
    this.#hasAnswered = hasAnswered;
  }

  get firstQuestionMs(): number {
    return this.#kind === 'sweep'
      ? Math.min(this.graceMs, this.#timeoutMs / 4)
      : this.#at(TABLE.firstQuestionMs);
  }

  get silentAfterMs(): number {
    return this.#hasAnswered ? this.firstQuestionMs : 0;
  }

  get sendAgainMs(): number {
    return this.#at(TABLE.sendAgainMs);
  }

  get signOfLifeMs(): number {
    return this.#isReused ? this.#at(TABLE.signOfLifeMs) : Number.POSITIVE_INFINITY;
  }

  get ownChannelAfterMs(): number {
    return this.#at(TABLE.ownChannelAfterMs);
  }

  get askEveryMs(): number {
    return this.#at(TABLE.askEveryMs);
  }

  get openTimeoutMs(): number {
    return this.answerTimeoutMs;
  }

  get answerTimeoutMs(): number {
    return this.#at(TABLE.answerTimeoutMs);
  }

  get refusedAnswerMs(): number {
    return this.#at(TABLE.refusedAnswerMs);
  }

  /** When the last question is asked, so that its answer comes before the deadline. */
  get lastQuestionMs(): number {
    return this.#timeoutMs - 1.1 * this.answerTimeoutMs;
  }

  get lastSendMs(): number {
    return this.#at(TABLE.lastSendMs);
  }

  /** Whether the broker is asked for a sign of life while it has not confirmed the ping; a sweep asks once for all pings. */
  get provesLife(): boolean {
    return this.#kind === 'single';
  }

  #at(row: Row): number {
    return Math.min(row[this.#kind], row.share * this.#timeoutMs);
  }
}

/**
 * The time of the next question: again and again, once when the grace of a guest without a consumer is over, and for the
 * last time shortly before the deadline.
 *
 * @param askedMs the time of the question before
 * @param withoutConsumerSinceMs since when nobody has consumed the guest's queue, as far as that is known
 * @returns infinity when all questions were asked
 */
export function nextQuestionMs(
  { askEveryMs, graceMs, lastQuestionMs }: Pick<PingTiming, 'askEveryMs' | 'graceMs' | 'lastQuestionMs'>,
  askedMs: number,
  withoutConsumerSinceMs = Number.POSITIVE_INFINITY,
): number {
  const times = [askedMs + askEveryMs, withoutConsumerSinceMs + graceMs, lastQuestionMs];
  return Math.min(...times.filter((time) => time > askedMs && time <= lastQuestionMs));
}
