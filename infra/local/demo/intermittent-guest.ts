import type { TroveGuests } from '../parts/trove-guests.ts';

/** How often the demo's fleet is swept. */
export const DEMO_RATE_MINUTES = 0.5;

/**
 * How long the guest lives and is dead in turn, in milliseconds. The sweeps must find it dead often enough to call it
 * unreachable, and alive often enough not to call it flapping.
 */
const ALIVE_MS = 210_000;
const DEAD_MS = 105_000;

/** What starts and stops guests. */
type Host = Pick<TroveGuests, 'start' | 'stop'>;

/** A real Trove guest that is shut down and started again, over and over. */
export class IntermittentGuest {
  readonly #host: Host;
  readonly #id: string;
  #isAlive = true;
  #timer: NodeJS.Timeout | undefined;
  #turning: Promise<void> = Promise.resolve();

  static async start(host: Host, id: string): Promise<IntermittentGuest> {
    await host.start(id);
    return new IntermittentGuest(host, id);
  }

  private constructor(host: Host, id: string) {
    this.#host = host;
    this.#id = id;
    this.#wait();
  }

  /** Leaves the guest as it is. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#turning;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    const turn = () => {
      this.#turning = this.#turn().catch((error) => console.error(error));
    };
    this.#timer = setTimeout(turn, this.#isAlive ? ALIVE_MS : DEAD_MS);
  }

  async #turn(): Promise<void> {
    await (this.#isAlive ? this.#host.stop(this.#id) : this.#host.start(this.#id));
    this.#isAlive = !this.#isAlive;
    this.#wait();
  }
}
