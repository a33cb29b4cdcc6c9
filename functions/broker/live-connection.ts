import type { BrokerConnection } from './connection.ts';
import { BrokerBlocked, BrokerUnreachable, type Unreachability } from './errors.ts';

export interface LiveConnectionOptions<S> {
  /** Makes a connection within `timeoutMs` milliseconds, which may be infinite. */
  readonly dial: (timeoutMs: number) => Promise<BrokerConnection<S>>;
  /** How the connection was lost, where an error of some work says so. */
  readonly loss: (error: unknown) => Unreachability | undefined;
}

/** What is done with a connection's session. */
export type Work<S, R> = (session: S, circumstances: Circumstances) => Promise<R>;

export interface Circumstances {
  /** Whether the connection has been used, or lain idle, before. */
  readonly isReused: boolean;
  /** Ends the work: the broker has blocked publishing. */
  readonly signal: AbortSignal;
}

/** Keeps one connection for as long as it lives, and dials anew when it has closed or could not be made. */
export class LiveConnection<S> {
  readonly #options: LiveConnectionOptions<S>;
  #dialling: Promise<BrokerConnection<S>> | undefined;
  #current: BrokerConnection<S> | undefined;

  constructor(options: LiveConnectionOptions<S>) {
    this.#options = options;
  }

  /** Dials ahead of the first use. A failure is not reported: {@link use} dials again. */
  begin(): void {
    this.#dial(Number.POSITIVE_INFINITY).catch(() => undefined);
  }

  /**
   * Does some work on the live connection. When the connection is lost at it, the work is begun once more on a new
   * one: it must be idempotent.
   *
   * @param deadline until when it may take, in the milliseconds of `performance.now()`; the work keeps it itself
   * @throws BrokerUnreachable, BrokerRefused, BrokerBlocked, or what `work` throws
   */
  async use<R>(deadline: number, work: Work<S, R>): Promise<R> {
    const reused = this.#current?.isUsable() ? this.#current : undefined;
    const connection = reused ?? (await this.#connect(deadline));
    try {
      return await this.#attempt(connection, deadline, work, reused !== undefined);
    } catch (error) {
      if (!(error instanceof BrokerUnreachable) || performance.now() >= deadline) throw error;
    }
    return this.#attempt(await this.#connect(deadline), deadline, work, false);
  }

  async #attempt<R>(
    connection: BrokerConnection<S>,
    deadline: number,
    work: Work<S, R>,
    isReused: boolean,
  ): Promise<R> {
    try {
      return await connection.use(deadline, (session, signal) => work(session, { isReused, signal }));
    } catch (error) {
      const how = this.#options.loss(error);
      if (how === undefined) throw error;
      if (connection.isBlocked) throw new BrokerBlocked({ cause: error });
      connection.destroy();
      throw new BrokerUnreachable(how, { cause: error });
    }
  }

  /** Callers share a dial. One that had begun before may have been frozen with us: its failure is not taken. */
  async #connect(deadline: number): Promise<BrokerConnection<S>> {
    if (this.#current?.isUsable()) return this.#current;
    const timeLeftMs = () => Math.max(0, deadline - performance.now());
    const { promise: timeout, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new BrokerUnreachable('connection_timeout')), timeLeftMs());
    try {
      const dialled = this.#dialling?.catch(() => this.#dial(timeLeftMs())) ?? this.#dial(timeLeftMs());
      return await Promise.race([dialled, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #dial(timeoutMs: number): Promise<BrokerConnection<S>> {
    this.#dialling ??= this.#options.dial(timeoutMs).finally(() => {
      this.#dialling = undefined;
    });
    this.#current = await this.#dialling;
    return this.#current;
  }
}
