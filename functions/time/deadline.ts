/** The longest delay that Node's timers take, in milliseconds: some 25 days. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A moment until which something may take, on the monotonic clock of `performance.now()`. */
export class Deadline {
  /** In the milliseconds of `performance.now()`; infinite where there is no end. */
  readonly #at: number;

  /** @param ms how far away it is, in milliseconds; may be infinite */
  static in(ms: number): Deadline {
    return new Deadline(performance.now() + ms);
  }

  /** No end: for work that has limits of its own. */
  static get never(): Deadline {
    return new Deadline(Number.POSITIVE_INFINITY);
  }

  private constructor(at: number) {
    this.#at = at;
  }

  /** Milliseconds that are left; never negative. */
  get leftMs(): number {
    return Math.max(0, this.#at - performance.now());
  }

  get isOver(): boolean {
    return this.#at <= performance.now();
  }

  /** This deadline, or the moment in `ms` milliseconds, whichever comes first. */
  within(ms: number): Deadline {
    return new Deadline(Math.min(this.#at, performance.now() + ms));
  }

  /** A part of the time that is left, `share` being between 0 and 1. */
  share(share: number): Deadline {
    return Deadline.in(share * this.leftMs);
  }

  /** A signal that aborts with a `TimeoutError` when the time is over, once what has arrived by then is read. */
  signal(): AbortSignal {
    const controller = new AbortController();
    const onOver = () => controller.abort(new DOMException('The time is over', 'TimeoutError'));
    afterReading(this.leftMs, onOver)?.unref();
    return controller.signal;
  }
}

/** What the promise gives before the deadline, else undefined; a rejection is passed on. */
export async function beforeDeadline<T>(promise: Promise<T>, deadline: Deadline): Promise<T | undefined> {
  const { promise: isOver, resolve } = Promise.withResolvers<undefined>();
  const timer = afterReading(deadline.leftMs, () => resolve(undefined));
  try {
    return await Promise.race([promise, isOver]);
  } finally {
    timer?.clear();
  }
}

/** A timer of a process that runs is not so late, in milliseconds. */
const LATE_MS = 100;

/** How long a process that did not run may still send what it had written, and read the answers, in milliseconds. */
const CATCH_UP_MS = 500;

/**
 * Calls back after `ms` milliseconds, once what has arrived by then is read: a process that was stopped finds its
 * timers run out together with replies that came in time, and those replies count. If it may not even have sent its
 * request, since the timer fires late, the wait goes on for a moment.
 *
 * @returns undefined for an infinite time, after which nothing is called
 */
export function afterReading(ms: number, callback: () => void): ReadingTimer | undefined {
  return ms === Number.POSITIVE_INFINITY ? undefined : new ReadingTimer(Math.min(ms, MAX_DELAY_MS), callback);
}

/** See {@link afterReading}. */
export class ReadingTimer {
  #timer: NodeJS.Timeout;

  constructor(ms: number, callback: () => void) {
    const dueMs = performance.now() + ms;
    this.#timer = setTimeout(() => {
      const isLate = performance.now() - dueMs >= LATE_MS;
      if (isLate) this.#timer = setTimeout(setImmediate, CATCH_UP_MS, callback);
      else setImmediate(callback);
    }, ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  /** Lets the process end before. */
  unref(): void {
    this.#timer.unref();
  }
}
