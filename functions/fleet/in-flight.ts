/** When nobody has answered for so long, those in flight are silent rather than slow. */
const STALL_MS = 100;

/** A ping that has a place. */
interface Holder {
  /** How many others had been answered when it began. */
  readonly answeredBefore: number;
  readonly leave: () => void;
}

/**
 * The pings in flight, of which a limited number have a place. A silent one leaves its place to the next one and
 * is waited for aside: one that as many others have overtaken as there are places, or each of them when nobody
 * answers at all. A broker that is slow for all is thus not given more to do. All end together: when one of them
 * fails, or when they are told to.
 */
export class InFlight {
  readonly #places: number;
  readonly #pings = new Map<AbortController, Promise<void>>();
  readonly #holders = new Set<Holder>();
  readonly #stall: NodeJS.Timeout;
  #answered = 0;
  #stopReason: unknown;

  /** @param places how many may {@link begin} before one is to be awaited */
  constructor(places: number) {
    this.#places = places;
    this.#stall = setInterval(() => this.#leave(() => true), STALL_MS);
  }

  /** Whether no more pings are to be begun. */
  get isStopped(): boolean {
    return this.#stopReason !== undefined;
  }

  /** Begins a ping. @returns when its place is free */
  async begin(ping: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const controller = new AbortController();
    const { promise: free, resolve: leave } = Promise.withResolvers<void>();
    const holder = { answeredBefore: this.#answered, leave };
    this.#holders.add(holder);
    const ended = ping(controller.signal)
      .catch((error) => this.stop(error))
      .finally(() => {
        this.#pings.delete(controller);
        if (this.#holders.delete(holder)) this.#onAnswer();
        leave();
      });
    this.#pings.set(controller, ended);
    await free;
  }

  /** Ends all pings for a reason; the first one counts. */
  stop(reason: unknown): void {
    if (this.isStopped) return;
    this.#stopReason = reason;
    for (const controller of this.#pings.keys()) controller.abort(reason);
  }

  /** Waits until all have ended. @returns why they were stopped, if they were */
  async settled(): Promise<unknown> {
    await Promise.all(this.#pings.values());
    clearInterval(this.#stall);
    return this.#stopReason;
  }

  #onAnswer(): void {
    this.#answered++;
    this.#stall.refresh();
    this.#leave(({ answeredBefore }) => this.#answered - answeredBefore >= this.#places);
  }

  /** The oldest comes first: when one stays, so do those after it. */
  #leave(isToLeave: (holder: Holder) => boolean): void {
    for (const holder of this.#holders) {
      if (!isToLeave(holder)) return;
      this.#holders.delete(holder);
      holder.leave();
    }
  }
}
