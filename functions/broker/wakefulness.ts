const TICK_MS = 1000;

/**
 * Notices that the process was stopped: Lambda freezes an execution environment between invocations. A timer
 * that is late tells it; `Date.now()` goes on meanwhile, whatever stopped the process.
 */
export class Wakefulness {
  readonly #limitMs: number;
  readonly #onOverslept: () => void;
  readonly #timer: NodeJS.Timeout;
  #lastAwake = Date.now();

  /** @param onOverslept called once it is noticed that the process slept longer than `limitMs` milliseconds */
  constructor(limitMs: number, onOverslept: () => void) {
    this.#limitMs = limitMs;
    this.#onOverslept = onOverslept;
    // What has arrived meanwhile is read first: an answer that came in time counts.
    this.#timer = setInterval(() => setImmediate(() => this.check()), TICK_MS).unref();
  }

  /** To be asked before something is used that sleep may have spoilt; the timer may not have fired yet. */
  check(): void {
    const now = Date.now();
    const slept = now - this.#lastAwake;
    this.#lastAwake = now;
    if (slept > this.#limitMs) this.#onOverslept();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
