import type { Call } from '../oslo/call.ts';
import type { Pulse } from '../oslo/pulse.ts';

/** When no ping has been answered for so long, though the broker lives, those in flight are silent rather than slow. */
const STALL_MS = 100;

/** One ping in flight. */
export interface Flight {
  /** How many others had been answered when this ping began. */
  readonly answeredBefore: number;
  /** Whether all pings were stopped; this one is to end soon, and to begin nothing more. */
  isStopped: boolean;
  /** What the ping waits for, if that can be ended: a stop rejects it. */
  call: Pick<Call, 'reject'> | undefined;
}

/** A ping in flight was stopped. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly code = 'stopped';
}

/**
 * The pings in flight, of which a limited number have a place. A silent ping loses its place, and goes on without one,
 * when as many other pings have ended since as there are places, or when no ping has ended for {@link STALL_MS} and the
 * broker has given a sign of life since the last one was begun. A broker that is slow for all thus gets no more to do, and
 * what is in flight stays few. All pings can be stopped together.
 */
export class InFlight {
  /** Resolves when all pings are stopped. */
  readonly stopped: Promise<void>;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #places: number;
  readonly #flights = new Set<Flight>();
  /** Those that have a place, in the order in which they began. */
  readonly #holders = new Set<Flight>();
  readonly #stall: NodeJS.Timeout;
  #free: PromiseWithResolvers<void> | undefined;
  #settled: PromiseWithResolvers<void> | undefined;
  #answered = 0;
  /** When the last ping was begun, in the milliseconds of `performance.now()`. */
  #begunMs = 0;
  #isStopped = false;

  /** @param pulse of the connection on which the guests are pinged */
  constructor(places: number, pulse: Pick<Pulse, 'hasBeatenSince'>) {
    this.stopped = this.#stopped.promise;
    this.#places = places;
    this.#stall = setInterval(() => this.#release(() => pulse.hasBeatenSince(this.#begunMs)), STALL_MS);
  }

  /** Whether no more pings are to be begun. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Whether the next ping has to wait for its {@link place}. */
  get isFull(): boolean {
    return this.#holders.size >= this.#places;
  }

  /** Resolves when a ping may {@link begin}; for one caller at a time. */
  async place(): Promise<void> {
    if (!this.isFull) return;
    this.#free = Promise.withResolvers();
    await this.#free.promise;
  }

  /** Begins a ping, which never rejects. */
  begin(ping: (flight: Flight) => Promise<void>): void {
    const flight: Flight = { answeredBefore: this.#answered, isStopped: false, call: undefined };
    this.#begunMs = performance.now();
    this.#flights.add(flight);
    this.#holders.add(flight);
    ping(flight).then(() => this.#onEnd(flight));
  }

  /** Ends all pings. */
  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve();
    for (const flight of this.#flights) {
      flight.isStopped = true;
      flight.call?.reject(new Stopped());
    }
  }

  /** Waits until all have ended; to be called when no more are begun. */
  async settled(): Promise<void> {
    this.#settled = Promise.withResolvers();
    if (this.#flights.size > 0) await this.#settled.promise;
    clearInterval(this.#stall);
  }

  #onEnd(flight: Flight): void {
    flight.call = undefined; // what a Set has held may live on for a while: see TransientMap
    this.#flights.delete(flight);
    if (this.#flights.size === 0) this.#settled?.resolve();
    if (this.#holders.delete(flight)) this.#onAnswer();
  }

  #onAnswer(): void {
    this.#answered++;
    this.#stall.refresh();
    this.#release(({ answeredBefore }) => this.#answered - answeredBefore >= this.#places);
  }

  /** The oldest comes first: when that ping keeps its place, so do those after it. */
  #release(isSilent: (flight: Flight) => boolean): void {
    for (const flight of this.#holders) {
      if (!isSilent(flight)) break;
      this.#holders.delete(flight);
    }
    if (!this.isFull) this.#free?.resolve();
  }
}
