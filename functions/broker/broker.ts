import { beforeDeadline, Deadline } from '../time/deadline.ts';
import type { Interruption } from '../time/interruption.ts';
import type { BrokerAddress } from './address.ts';
import type { BrokerConnection } from './connection.ts';
import { BrokerBlocked, BrokerRefused, BrokerUnreachable, type Unreachability } from './errors.ts';
import { type BrokerLocator, withLogin } from './locator.ts';

/** A connection as the broker uses it. */
export type Connection<S> = Pick<
  BrokerConnection<S>,
  'session' | 'blocked' | 'closedBy' | 'isUsable' | 'destroy'
>;

export interface BrokerOptions<S> {
  readonly locator: BrokerLocator;
  /** Makes a connection to that address. */
  readonly connect: (address: BrokerAddress, deadline: Deadline) => Promise<Connection<S>>;
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
  #dialling: Promise<Connection<S>> | undefined;
  #current: Connection<S> | undefined;
  /** When the current connection was made, in the milliseconds of `performance.now()`. */
  #connectedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: BrokerOptions<S>) {
    this.#options = options;
  }

  /**
   * Dials ahead of the first use, and waits until the connection is there, the dial has failed, or the deadline has
   * passed; the dial then goes on. A failure is not reported: {@link use} dials again.
   */
  async connectAhead(deadline: Deadline): Promise<void> {
    const dialled = this.#dial(Deadline.never).catch(() => undefined);
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
   * @throws BrokerUnreachable, BrokerRefused, BrokerBlocked, or what the locator or `work` throws
   */
  async use<R>(deadline: Deadline, work: Work<S, R>): Promise<R> {
    try {
      return await this.#useTwiceAtMost(deadline, work);
    } catch (error) {
      if (!(error instanceof BrokerUnreachable)) throw error;
      const state = await this.#options.locator.state(deadline);
      const { how, trouble, cause } = error;
      throw state === undefined ? error : new BrokerUnreachable(how, { state, trouble, cause });
    }
  }

  async #useTwiceAtMost<R>(deadline: Deadline, work: Work<S, R>): Promise<R> {
    const reused = this.#current?.isUsable() ? this.#current : undefined;
    const connection = reused ?? (await this.#connected(deadline));
    try {
      return await this.#attempt(connection, deadline, work, reused !== undefined);
    } catch (error) {
      const isLost = error instanceof BrokerUnreachable || error instanceof BrokerRefused;
      if (!isLost || deadline.isOver) throw error;
    }
    return this.#attempt(await this.#connected(deadline), deadline, work, false);
  }

  async #attempt<R>(
    connection: Connection<S>,
    deadline: Deadline,
    work: Work<S, R>,
    isReused: boolean,
  ): Promise<R> {
    const { session, blocked } = connection;
    try {
      return await blocked.run(deadline, (interruption) => work(session, { isReused, interruption }));
    } catch (error) {
      const how = this.#options.loss(error);
      if (how === undefined) throw error;
      if (blocked.isBlocked) throw new BrokerBlocked({ cause: error });
      connection.destroy();
      throw connection.closedBy ?? new BrokerUnreachable(how, { cause: error });
    }
  }

  /** One node of a cluster may be frozen, or dying, and end a dial: the next dial, through the balancer, meets another. */
  async #connected(deadline: Deadline): Promise<Connection<S>> {
    try {
      return await this.#dialled(deadline);
    } catch (error) {
      const isOfOneNode =
        error instanceof BrokerUnreachable &&
        (error.how === 'connection_timeout' || error.how === 'connection_terminated');
      if (!isOfOneNode || deadline.isOver) throw error;
      return this.#dialled(deadline);
    }
  }

  /** Callers share one dial. When a dial begun earlier fails, a new one follows: the process may have been frozen. */
  async #dialled(deadline: Deadline): Promise<Connection<S>> {
    if (this.#current?.isUsable()) return this.#current;
    const dialled = this.#dialling?.catch(() => this.#dial(deadline)) ?? this.#dial(deadline);
    const connection = await beforeDeadline(dialled, deadline);
    if (connection === undefined) throw new BrokerUnreachable('connection_timeout');
    return connection;
  }

  async #dial(deadline: Deadline): Promise<Connection<S>> {
    const { locator, connect } = this.#options;
    this.#dialling ??= withLogin(
      locator,
      deadline,
      (address) => connect(address, deadline),
      (error) => error instanceof BrokerRefused && error.what === 'login',
    )
      .then((connection) => {
        this.#connectedAtMs = performance.now();
        return connection;
      })
      .finally(() => {
        this.#dialling = undefined;
      });
    this.#current = await this.#dialling;
    return this.#current;
  }
}
