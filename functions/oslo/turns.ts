import { beforeDeadline } from '../time/after-reading.ts';
import type { Deadline } from '../time/deadline.ts';

/** A limited number of turns, taken in the order in which they were asked for. */
export class Turns {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** @returns whether there was a turn in time; a turn that was taken is to be given {@link give | back} */
  async take(deadline: Deadline): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    const { promise: turn, resolve } = Promise.withResolvers<true>();
    const onTurn = () => resolve(true);
    this.#waiting.add(onTurn);
    await beforeDeadline(turn, deadline);
    return !this.#waiting.delete(onTurn); // whoever no longer waits was given a turn
  }

  give(): void {
    for (const onTurn of this.#waiting) {
      this.#waiting.delete(onTurn);
      onTurn();
      return;
    }
    this.#free++;
  }
}
