/** How many questions in vain may follow upon each other. */
export const MOST_QUESTIONS = 100;

/** How long until there is one more, in milliseconds. */
const REFILL_MS = 100;

/**
 * How often Keystone may be asked in vain: a question is taken before Keystone is asked, and returned where the
 * token was good. Callers with good tokens are not limited, whoever sends bad ones is.
 */
export class QuestionBudget {
  #left = MOST_QUESTIONS;
  #countedMs = Date.now();

  /** @param reserved how many are left for others @returns whether there was one */
  take(reserved: number): boolean {
    const now = Date.now();
    const refilled = Math.max(0, Math.floor((now - this.#countedMs) / REFILL_MS));
    this.#left = Math.min(MOST_QUESTIONS, this.#left + refilled);
    this.#countedMs = this.#left === MOST_QUESTIONS ? now : this.#countedMs + refilled * REFILL_MS;
    if (this.#left <= reserved) return false;
    this.#left -= 1;
    return true;
  }

  giveBack(): void {
    this.#left = Math.min(MOST_QUESTIONS, this.#left + 1);
  }
}
