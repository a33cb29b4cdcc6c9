import type { BrokerAddress } from './address.ts';
import { BrokerConnection, type Setup } from './connection.ts';
import { BrokerRefused, BrokerUnreachable, type Unreachability } from './errors.ts';
import { LiveConnection, type Work } from './live-connection.ts';
import type { BrokerLocator } from './locator.ts';

export interface BrokerOptions<S> {
  readonly locator: BrokerLocator;
  /** The name of our connection in RabbitMQ's console. */
  readonly name: string;
  readonly connectTimeoutMs: number;
  readonly setup: Setup<S>;
  /** See {@link LiveConnection}. */
  readonly loss: (error: unknown) => Unreachability | undefined;
}

/** What a dial's look-ups may take of its time: when they fail, it is they that are to blame, and not the broker. */
const LOOK_UP_SHARE = 0.8;

/** The broker, as one live connection to it and all that is needed to make it. */
export class Broker<S> {
  readonly #options: BrokerOptions<S>;
  readonly #live: LiveConnection<S>;

  constructor(options: BrokerOptions<S>) {
    this.#options = options;
    this.#live = new LiveConnection({ dial: (timeoutMs) => this.#dial(timeoutMs), loss: options.loss });
  }

  /** Begins to connect, ahead of the first use. */
  begin(): void {
    this.#live.begin();
  }

  /**
   * Does some work on the live connection; see {@link LiveConnection.use}. When the broker cannot be reached, its
   * state is asked for within the time that is left, and told in the error.
   */
  async use<R>(deadline: number, work: Work<S, R>): Promise<R> {
    try {
      return await this.#live.use(deadline, work);
    } catch (error) {
      if (!(error instanceof BrokerUnreachable)) throw error;
      // Not knowing the state is no error of its own: that the broker cannot be reached is the news.
      const state = await this.#options.locator.state(deadline - performance.now());
      throw state === undefined ? error : new BrokerUnreachable(error.how, { state, cause: error.cause });
    }
  }

  async #dial(timeoutMs: number): Promise<BrokerConnection<S>> {
    const { locator } = this.#options;
    const address = await locator.address(LOOK_UP_SHARE * timeoutMs);
    try {
      return await this.#connect(address, timeoutMs);
    } catch (error) {
      if (!(error instanceof BrokerRefused && error.what === 'login')) throw error;
      const renewed = await locator.renewed(address, LOOK_UP_SHARE * timeoutMs);
      if (renewed === undefined) throw error;
      return this.#connect(renewed, timeoutMs);
    }
  }

  #connect(address: BrokerAddress, timeoutMs: number): Promise<BrokerConnection<S>> {
    const { name, connectTimeoutMs, setup } = this.#options;
    return BrokerConnection.connect(
      address,
      { name, timeoutMs: Math.min(timeoutMs, connectTimeoutMs) },
      setup,
    );
  }
}
