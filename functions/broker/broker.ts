import { beforeDeadline, Deadline } from '../time/deadline.ts';
import { Hops } from '../time/hops.ts';
import type { Interruption } from '../time/interruption.ts';
import type { BrokerConnection } from './connection.ts';
import { BrokerBlocked, BrokerRefused, BrokerUnreachable, type Unreachability } from './errors.ts';
import { type BrokerLocator, type FoundBroker, withLogin } from './locator.ts';

export interface BrokerOptions<S> {
  readonly locator: BrokerLocator;
  /** Makes a connection to that broker. */
  readonly connect: (broker: FoundBroker, deadline: Deadline, hops: Hops) => Promise<BrokerConnection<S>>;
  /** How the connection was lost; undefined where the error of some work does not mean a loss. */
  readonly loss: (error: unknown) => Unreachability | undefined;
}

export interface Circumstances {
  /** Whether the connection was open before this work: it may have died unnoticed. */
  readonly isReused: boolean;
  /** Ends the work: the broker has blocked publishing. */
  readonly interruption: Interruption;
}

/** What is done with a connection's session. */
export type Work<S, R> = (session: S, circumstances: Circumstances) => Promise<R>;

/** The broker: one connection, kept for as long as it lives, and dialled anew when lost. */
export class Broker<S> {
  readonly #options: BrokerOptions<S>;
  #dialling: { readonly end: Promise<BrokerConnection<S>>; readonly hops: Hops } | undefined;
  #current: BrokerConnection<S> | undefined;
  /** When the current connection was made, in the milliseconds of `performance.now()`. */
  #connectedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: BrokerOptions<S>) {
    this.#options = options;
  }

  /**
   * Dials ahead of the first use, and waits until the connection is there, the dial has failed, or the deadline has
   * passed; the dial then goes on. A failure is not reported: {@link use} dials again.
   */
  async connectAhead(deadline: Deadline, hops = new Hops()): Promise<void> {
    const dialled = this.#dial(Deadline.never, hops).catch(() => undefined);
    await beforeDeadline(dialled, deadline);
  }

  /** How long the current connection has been open, in milliseconds; infinite where there was none. */
  get connectionAgeMs(): number {
    return performance.now() - this.#connectedAtMs;
  }

  /** Whether there is a connection that may live. */
  get isConnected(): boolean {
    return this.#current?.isUsable() ?? false;
  }

  /**
   * Does some work on the connection. When the connection is lost meanwhile, the work is begun once more on a new
   * one. The work must be idempotent, and must keep the deadline itself. When the broker cannot be reached, the
   * error has Amazon MQ's state of the broker, if that is known within the deadline.
   *
   * @param hops gets those of each dial that was waited for, and of the question for that state
   * @throws BrokerUnreachable, BrokerRefused, BrokerBlocked, or what the locator or `work` throws
   */
  async use<R>(deadline: Deadline, work: Work<S, R>, hops = new Hops()): Promise<R> {
    try {
      const reused = this.#current?.isUsable() ? this.#current : undefined;
      const connection = reused ?? (await this.#connected(deadline, hops));
      try {
        return await this.#attempt(connection, deadline, work, reused !== undefined, hops);
      } catch (error) {
        const isLost = error instanceof BrokerUnreachable || error instanceof BrokerRefused;
        if (!isLost || deadline.isOver) throw error;
      }
      return await this.#attempt(await this.#connected(deadline, hops), deadline, work, false, hops);
    } catch (error) {
      if (!(error instanceof BrokerUnreachable)) throw error;
      const state = await this.#options.locator.state(deadline, hops);
      const { how, trouble, cause } = error;
      throw state === undefined ? error : new BrokerUnreachable(how, { state, trouble, cause });
    }
  }

  async #attempt<R>(
    connection: BrokerConnection<S>,
    deadline: Deadline,
    work: Work<S, R>,
    isReused: boolean,
    hops: Hops,
  ): Promise<R> {
    const { session, blocked } = connection;
    try {
      return await blocked.run(deadline, (interruption) => work(session, { isReused, interruption }), hops);
    } catch (error) {
      const how = this.#options.loss(error);
      if (how === undefined) throw error;
      if (blocked.isBlocked) throw new BrokerBlocked({ cause: error });
      connection.destroy();
      throw connection.closedBy ?? new BrokerUnreachable(how, { cause: error });
    }
  }

  /** One node of a cluster may be frozen, or dying, and end a dial: the next dial, through the balancer, meets another. */
  async #connected(deadline: Deadline, hops: Hops): Promise<BrokerConnection<S>> {
    try {
      return await this.#dialled(deadline, hops);
    } catch (error) {
      const isOfOneNode =
        error instanceof BrokerUnreachable &&
        (error.how === 'connection_timeout' || error.how === 'connection_terminated');
      if (!isOfOneNode || deadline.isOver) throw error;
      return this.#dialled(deadline, hops);
    }
  }

  /** Callers share one dial. When a dial begun earlier fails, a new one follows: the process may have been frozen. */
  async #dialled(deadline: Deadline, hops: Hops): Promise<BrokerConnection<S>> {
    if (this.#current?.isUsable()) return this.#current;
    if (this.#dialling) hops.append(this.#dialling.hops);
    const dialled = this.#dialling?.end.catch(() => this.#dial(deadline, hops)) ?? this.#dial(deadline, hops);
    const connection = await beforeDeadline(dialled, deadline);
    if (connection === undefined) throw new BrokerUnreachable('connection_timeout');
    return connection;
  }

  async #dial(deadline: Deadline, hops: Hops): Promise<BrokerConnection<S>> {
    this.#dialling ??= this.#startDial(deadline);
    hops.append(this.#dialling.hops);
    this.#current = await this.#dialling.end;
    return this.#current;
  }

  #startDial(deadline: Deadline): { readonly end: Promise<BrokerConnection<S>>; readonly hops: Hops } {
    const { locator, connect } = this.#options;
    const hops = new Hops();
    const end = withLogin(
      locator,
      deadline,
      (broker) => connect(broker, deadline, hops),
      (error) => error instanceof BrokerRefused && error.what === 'login',
      hops,
    )
      .then((connection) => {
        this.#connectedAtMs = performance.now();
        return connection;
      })
      .finally(() => {
        this.#dialling = undefined;
      });
    return { end, hops };
  }
}
