import { beforeDeadline, type Deadline } from '../time/deadline.ts';

/** A limited number of slots, taken in the order in which they were asked for. */
export class Semaphore {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(slots: number) {
    this.#free = slots;
  }

  /** @returns whether there was a slot in time; if so, {@link release} it */
  async acquire(deadline: Deadline): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    const { promise: acquired, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await beforeDeadline(acquired, deadline);
    return !this.#waiting.delete(resolve); // whoever waits no longer has a slot
  }

  release(): void {
    for (const resolve of this.#waiting) {
      this.#waiting.delete(resolve);
      resolve();
      return;
    }
    this.#free++;
  }
}
