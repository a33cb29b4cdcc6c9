/** When a connection last showed that the broker lives: a confirm, a reply, a returned message, an opened channel. */
export class Liveness {
  #lastMs = Number.NEGATIVE_INFINITY;

  /** To be called when something has come from the broker. */
  seen(): void {
    this.#lastMs = performance.now();
  }

  /** @param momentMs in the milliseconds of `performance.now()` */
  isSeenSince(momentMs: number): boolean {
    return this.#lastMs >= momentMs;
  }
}
