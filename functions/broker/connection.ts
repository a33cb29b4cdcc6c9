import type { ChannelModel } from 'amqplib';
import { amqpReply } from '../amqp-reply.ts';
import { afterReading, type Deadline } from '../time/deadline.ts';
import { Hops } from '../time/hops.ts';
import { BlockedState } from './blocked-state.ts';
import { type BrokerFailure, BrokerUnreachable, connectionFailure, TROUBLES } from './errors.ts';
import { FreezeDetector } from './freeze-detector.ts';
import type { openConnection } from './handshake.ts';
import type { FoundBroker } from './locator.ts';
import { connectSocket } from './socket.ts';

/** How long DNS, TCP, TLS and the AMQP handshake may take. */
export const CONNECT_TIMEOUT_MS = 5000;

/** Prepares the connection's use; `onEnd` ends the connection, once its use has ended. */
export type Setup<S> = (connection: ChannelModel, onEnd: () => void) => Promise<S>;

/** What speaks AMQP. */
export interface Amqp<S> {
  readonly openConnection: typeof openConnection;
  readonly setup: Setup<S>;
}

export interface ConnectOptions<S> {
  /** What RabbitMQ's console shows for the connection. */
  readonly name: string;
  /** How long the connection may take, from DNS to the end of the setup; the login is looked up in its own time. */
  readonly timeoutMs: number;
  /** Loads what the socket does not need, when that is connected. */
  readonly loadAmqp: () => Promise<Amqp<S>>;
}

/**
 * One AMQP connection, ready for use. The connection ends as a whole: with its socket, when its use has ended, or when
 * the process was stopped for so long that the broker has dropped the connection.
 */
export class BrokerConnection<S> {
  /** What the setup made. */
  readonly session: S;
  /** Whether the broker has blocked publishing on this connection. */
  readonly blocked: BlockedState;
  readonly #socket: AbortController;
  readonly #ended: Ended;
  readonly #freezeDetector: FreezeDetector;

  /**
   * Connects the socket while the login is looked up, which the broker does not ask for before.
   *
   * @param hops gets those of the dial: `dns`, `tcp`, `tls`, `amqp`, and `setup`
   * @throws BrokerUnreachable or BrokerRefused, or what the login's look-up throws; nothing is left open then
   */
  static async connect<S>(
    { login, vhost, ...endpoint }: FoundBroker,
    { name, timeoutMs, loadAmqp }: ConnectOptions<S>,
    deadline: Deadline,
    hops: Hops,
  ): Promise<BrokerConnection<S>> {
    // This signal destroys the socket at any time, which is also the only way to leave a dead connection without waiting
    // for it.
    const socket = new AbortController();
    const ended: Ended = { by: undefined };
    let isTimeOut = false;
    let isOpen = false;
    const path = new Hops();
    const connecting = connectSocket(endpoint, socket.signal, path);
    const loading = connecting.then(loadAmqp);
    loading.catch(() => undefined); // a login that cannot be had is the first thing to mend
    const credentials = await login.catch((error) => {
      socket.abort();
      throw error;
    });
    hops.append(path);
    const timer = afterReading(deadline.within(timeoutMs).leftMs, () => {
      isTimeOut = true;
      socket.abort();
    });
    try {
      const [stream, { openConnection, setup }] = await Promise.all([connecting, loading]);
      path.begin('amqp');
      const opening = { ...credentials, vhost, name };
      const { prepared, heartbeatMs } = await openConnection(stream, opening, (connection) => {
        endWith(connection, socket, ended);
        const session = setup(connection, () => socket.abort());
        session.catch(() => undefined); // where the connection does not even open
        return { blocked: new BlockedState(connection), session };
      });
      isOpen = true;
      path.begin('setup');
      const session = await prepared.session;
      path.end();
      return new BrokerConnection(session, socket, ended, prepared.blocked, heartbeatMs);
    } catch (error) {
      socket.abort();
      const trouble = isOpen ? TROUBLES.no_majority : undefined;
      const failure = isTimeOut
        ? new BrokerUnreachable('connection_timeout', { trouble, cause: error })
        : connectionFailure(ended.by ?? error);
      path.end(failure);
      throw failure;
    } finally {
      timer?.clear();
    }
  }

  private constructor(
    session: S,
    socket: AbortController,
    ended: Ended,
    blocked: BlockedState,
    toleratedSleepMs: number,
  ) {
    this.session = session;
    this.#ended = ended;
    this.blocked = blocked;
    this.#socket = socket;
    this.#freezeDetector = new FreezeDetector(toleratedSleepMs, () => this.destroy());
    const onEnd = () => this.#freezeDetector.stop();
    if (socket.signal.aborted) onEnd();
    else socket.signal.addEventListener('abort', onEnd, { once: true });
  }

  /**
   * False once the connection or its use has ended, for whatever reason. If the process was frozen for longer than the
   * heartbeat, the connection is ended here.
   */
  isUsable(): boolean {
    this.#freezeDetector.check();
    return !this.#socket.signal.aborted;
  }

  /** Why the broker has closed the connection; undefined where it did not say. */
  get closedBy(): BrokerFailure | undefined {
    return this.#ended.by && connectionFailure(this.#ended.by);
  }

  /** Ends the connection at once, waiting for nobody. */
  destroy(): void {
    this.#socket.abort();
  }
}

/** The error with which the broker has closed a connection. */
interface Ended {
  by: Error | undefined;
}

/** Ends the socket with its connection, and keeps why the broker has closed it. */
function endWith(connection: ChannelModel, socket: AbortController, ended: Ended): void {
  const onClose = (error?: Error) => {
    if (error !== undefined && amqpReply(error)) ended.by ??= error;
  };
  connection.on('error', onClose); // 'close' follows; without a listener the error would be thrown
  connection.on('close', onClose);
  connection.on('close', () => socket.abort());
}
