import { afterReading, type ReadingTimer } from '../time/deadline.ts';

/** How often the clock is looked at, in milliseconds: several times within the limit. */
const MAX_TICK_MS = 1000;
const TICK_SHARE = 1 / 4;

/**
 * Notices that the process was stopped: Lambda freezes an execution environment between invocations. A timer then
 * fires late, and `Date.now()` shows how late, since that clock runs on while the process is stopped.
 */
export class FreezeDetector {
  readonly #limitMs: number;
  readonly #onFrozen: () => void;
  #timer: ReadingTimer | undefined;
  #lastAwake = Date.now();

  /** @param onFrozen called once it is noticed that the process slept longer than `limitMs` milliseconds */
  constructor(limitMs: number, onFrozen: () => void) {
    this.#limitMs = limitMs;
    this.#onFrozen = onFrozen;
    this.#tick();
  }

  /** To be called before anything is used that a long sleep may have broken; the timer may not have fired yet. */
  check(): void {
    const now = Date.now();
    const slept = now - this.#lastAwake;
    this.#lastAwake = now;
    if (slept > this.#limitMs) this.#onFrozen();
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #tick(): void {
    this.#timer = afterReading(Math.min(MAX_TICK_MS, TICK_SHARE * this.#limitMs), () => {
      if (this.#timer === undefined) return; // stopped
      this.#tick();
      this.check();
    });
    this.#timer?.unref();
  }
}
