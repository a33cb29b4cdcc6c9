/** How many validations of bad tokens are allowed at once. */
export const BURST = 100;

/** How long until one more is allowed, in milliseconds. */
const REFILL_MS = 100;

/**
 * A rate limit of validations that find a bad token: one is taken before Keystone is asked, and given back where the token
 * was good. Callers with good tokens are not limited, callers with bad ones are.
 */
export class ValidationLimit {
  #left = BURST;
  #countedMs = Date.now();

  /** @param reserved how many are left for others @returns whether there was one */
  take(reserved: number): boolean {
    const now = Date.now();
    const refilled = Math.max(0, Math.floor((now - this.#countedMs) / REFILL_MS));
    this.#left = Math.min(BURST, this.#left + refilled);
    const isSetBack = now < this.#countedMs; // the clock
    this.#countedMs = this.#left === BURST || isSetBack ? now : this.#countedMs + refilled * REFILL_MS;
    if (this.#left <= reserved) return false;
    this.#left -= 1;
    return true;
  }

  giveBack(): void {
    this.#left = Math.min(BURST, this.#left + 1);
  }
}
