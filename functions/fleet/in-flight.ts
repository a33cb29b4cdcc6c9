import type { Pulse } from '../oslo/pulse.ts';

/** When no ping has been answered for so long, though the broker lives, those in flight are silent rather than slow. */
const STALL_MS = 100;

/** A ping that has a place. */
interface Holder {
  /** How many others had been answered when this ping began. */
  readonly answeredBefore: number;
}

/**
 * The pings in flight, of which a limited number have a place. A silent ping loses its place, and goes on without one,
 * when as many other pings have ended since as there are places, or when no ping has ended for {@link STALL_MS} and the
 * broker has given a sign of life since the last one was begun. A broker that is slow for all thus gets no more to do, and
 * what is in flight stays few. All pings can be stopped together.
 */
export class InFlight {
  readonly #places: number;
  readonly #pings = new Map<AbortController, Promise<void>>();
  /** In the order in which they began. */
  readonly #holders = new Set<Holder>();
  readonly #stall: NodeJS.Timeout;
  #free: PromiseWithResolvers<void> | undefined;
  #answered = 0;
  /** When the last ping was begun, in the milliseconds of `performance.now()`. */
  #begunMs = 0;
  #isStopped = false;

  /** @param pulse of the connection on which the guests are pinged */
  constructor(places: number, pulse: Pick<Pulse, 'hasBeatenSince'>) {
    this.#places = places;
    this.#stall = setInterval(() => this.#release(() => pulse.hasBeatenSince(this.#begunMs)), STALL_MS);
  }

  /** Whether no more pings are to be begun. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Resolves when a ping may {@link begin}; for one caller at a time. */
  async place(): Promise<void> {
    if (this.#holders.size < this.#places) return;
    this.#free = Promise.withResolvers();
    await this.#free.promise;
  }

  /** Begins a ping, which never rejects; its signal ends the ping. */
  begin(ping: (signal: AbortSignal) => Promise<void>): void {
    const controller = new AbortController();
    const holder = { answeredBefore: this.#answered };
    this.#begunMs = performance.now();
    this.#holders.add(holder);
    const ended = ping(controller.signal).then(() => {
      this.#pings.delete(controller);
      if (this.#holders.delete(holder)) this.#onAnswer();
    });
    this.#pings.set(controller, ended);
  }

  /** Ends all pings. */
  stop(): void {
    this.#isStopped = true;
    for (const controller of this.#pings.keys()) controller.abort();
  }

  /** Waits until all have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#pings.values());
    clearInterval(this.#stall);
  }

  #onAnswer(): void {
    this.#answered++;
    this.#stall.refresh();
    this.#release(({ answeredBefore }) => this.#answered - answeredBefore >= this.#places);
  }

  /** The oldest comes first: when that ping keeps its place, so do those after it. */
  #release(isSilent: (holder: Holder) => boolean): void {
    for (const holder of this.#holders) {
      if (!isSilent(holder)) break;
      this.#holders.delete(holder);
    }
    if (this.#holders.size < this.#places) this.#free?.resolve();
  }
}
