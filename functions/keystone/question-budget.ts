/** How many questions in vain may follow upon each other. */
const MOST = 100;

/** How long until there is one more, in milliseconds. */
const REFILL_MS = 100;

/**
 * How often Keystone may be asked in vain: a question is taken before Keystone is asked, and returned where the
 * token was good. Callers with good tokens are not limited, whoever sends bad ones is.
 */
export class QuestionBudget {
  #left = MOST;
  #countedMs = Date.now();

  /** @returns whether there was one left */
  take(): boolean {
    const now = Date.now();
    const refilled = Math.max(0, Math.floor((now - this.#countedMs) / REFILL_MS));
    this.#left = Math.min(MOST, this.#left + refilled);
    this.#countedMs = this.#left === MOST ? now : this.#countedMs + refilled * REFILL_MS;
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }

  giveBack(): void {
    this.#left = Math.min(MOST, this.#left + 1);
  }
}
