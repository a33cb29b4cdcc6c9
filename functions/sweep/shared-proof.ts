/** A proof of life that many callers share: each waits for one that was started after its call. */
export class SharedProof {
  readonly #prove: () => Promise<void>;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** @param prove asks the broker for a sign of life, and throws when there is none */
  constructor(prove: () => Promise<void>) {
    this.#prove = prove;
  }

  /** @throws what `prove` throws */
  fromNow(): Promise<void> {
    this.#next ??= this.#afterRunning();
    return this.#next;
  }

  async #afterRunning(): Promise<void> {
    await this.#running.catch(() => undefined);
    this.#next = undefined;
    this.#running = this.#prove();
    await this.#running;
  }
}
