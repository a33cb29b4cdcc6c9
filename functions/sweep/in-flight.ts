import { CodedError } from '../coded-error.ts';
import type { Liveness } from '../oslo/liveness.ts';
import { Interruption } from '../time/interruption.ts';

/** When no ping has been answered for so long, though the broker lives, those in flight are silent rather than slow. */
const STALL_MS = 100;

/** One ping in flight. */
interface Flight {
  /** How many others had been answered when this ping began. */
  readonly answeredBefore: number;
  /** Ends the ping when all pings are stopped. */
  readonly interruption: Interruption;
}

/** A ping in flight was stopped. */
export class Stopped extends CodedError {
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

  /** @param liveness of the connection on which the guests are pinged */
  constructor(places: number, liveness: Pick<Liveness, 'isSeenSince'>) {
    this.stopped = this.#stopped.promise;
    this.#places = places;
    this.#stall = setInterval(() => this.#release(() => liveness.isSeenSince(this.#begunMs)), STALL_MS);
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
  begin(ping: (interruption: Interruption) => Promise<void>): void {
    const flight: Flight = { answeredBefore: this.#answered, interruption: new Interruption() };
    this.#begunMs = performance.now();
    this.#flights.add(flight);
    this.#holders.add(flight);
    ping(flight.interruption).then(() => this.#onEnd(flight));
  }

  /** Ends all pings. */
  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve();
    for (const { interruption } of this.#flights) interruption.interrupt(new Stopped());
  }

  /** Waits until all have ended; to be called when no more are begun. */
  async settled(): Promise<void> {
    this.#settled = Promise.withResolvers();
    if (this.#flights.size > 0) await this.#settled.promise;
    clearInterval(this.#stall);
  }

  #onEnd(flight: Flight): void {
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
