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
export interface BrokerConnection<S> {
  /** What the setup made. */
  readonly session: S;
  /** Whether the broker has blocked publishing on this connection. */
  readonly blocked: BlockedState;
  /** Why the broker has closed the connection; undefined where it did not say. */
  readonly closedBy: BrokerFailure | undefined;
  /**
   * False once the connection or its use has ended, for whatever reason. If the process was frozen for so long that the
   * broker may have dropped the connection, it is ended here.
   */
  isUsable(): boolean;
  /** Ends the connection at once, waiting for nobody. */
  destroy(): void;
}

/**
 * Connects the socket while the login is looked up, which the broker does not ask for before.
 *
 * @param hops gets those of the dial: `dns`, `tcp`, `tls`, `amqp`, and `setup`
 * @throws BrokerUnreachable or BrokerRefused, or what the login's look-up throws; nothing is left open then
 */
export async function connectBroker<S>(
  { login, vhost, ...endpoint }: FoundBroker,
  { name, timeoutMs, loadAmqp }: ConnectOptions<S>,
  deadline: Deadline,
  hops: Hops,
): Promise<BrokerConnection<S>> {
  // This signal destroys the socket at any time, which is also the only way to leave a dead connection without waiting
  // for it.
  const socket = new AbortController();
  const destroy = () => socket.abort();
  let closedBy: Error | undefined;
  let isTimeOut = false;
  let isOpen = false;
  const path = new Hops();
  const onClose = (error?: Error) => {
    if (error !== undefined && amqpReply(error)) closedBy ??= error;
  };
  const connecting = connectSocket(endpoint, socket.signal, path);
  const loading = connecting.then(loadAmqp);
  const opening = Promise.all([connecting, loading]).then(([stream, { openConnection, setup }]) =>
    openConnection(stream, { login, vhost, name }, (connection) => {
      connection.on('error', onClose); // 'close' follows; without a listener the error would be thrown
      connection.on('close', onClose);
      connection.on('close', destroy);
      const session = setup(connection, destroy);
      session.catch(() => undefined); // where the connection does not even open
      return { blocked: new BlockedState(connection), session };
    }),
  );
  opening.catch(() => undefined); // a login that cannot be had is the first thing to mend
  await login.catch((error) => {
    destroy();
    throw error;
  });
  hops.append(path);
  const timer = afterReading(deadline.within(timeoutMs).leftMs, () => {
    isTimeOut = true;
    destroy();
  });
  try {
    await loading;
    path.begin('amqp');
    const { prepared, maxPauseMs } = await opening;
    isOpen = true;
    path.begin('setup');
    const session = await prepared.session;
    path.end();
    const freezeDetector = new FreezeDetector(maxPauseMs, destroy);
    if (socket.signal.aborted) freezeDetector.stop();
    else socket.signal.addEventListener('abort', () => freezeDetector.stop(), { once: true });
    return {
      session,
      blocked: prepared.blocked,
      get closedBy() {
        return closedBy && connectionFailure(closedBy);
      },
      isUsable() {
        freezeDetector.check();
        return !socket.signal.aborted;
      },
      destroy,
    };
  } catch (error) {
    destroy();
    const trouble = isOpen ? TROUBLES.no_majority : undefined;
    const failure = isTimeOut
      ? new BrokerUnreachable('connection_timeout', { trouble, cause: error })
      : connectionFailure(closedBy ?? error);
    path.end(failure);
    throw failure;
  } finally {
    timer?.clear();
  }
}
