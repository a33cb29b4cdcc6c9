import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { isIP, type Socket } from 'node:net';
import { type ChannelModel, connect as connectAmqp } from 'amqplib';
import { amqpReply } from '../amqp-reply.ts';
import { afterReading, type Deadline } from '../time/deadline.ts';
import type { Hops } from '../time/hops.ts';
import type { BrokerAddress } from './address.ts';
import { BlockedState } from './blocked-state.ts';
import { type BrokerFailure, BrokerUnreachable, connectionFailure, TROUBLES } from './errors.ts';
import { FreezeDetector } from './freeze-detector.ts';

/**
 * The heartbeat asked for, in seconds; the broker may lower it. Without heartbeats the broker would keep the
 * connections of execution environments that are gone.
 */
const HEARTBEAT_SECONDS = 60;

/** RabbitMQ sends frames of 128 kB at most. What claims to be larger is not AMQP, and is not buffered. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** Prepares the connection's use; `onEnd` ends the connection, once its use has ended. */
export type Setup<S> = (connection: ChannelModel, onEnd: () => void) => Promise<S>;

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
   * @param name what RabbitMQ's console shows for the connection
   * @param deadline of all of it, from DNS to the end of the setup
   * @param hops gets those of the dial: `dns`, `tcp`, `tls`, `amqp`, and `setup`
   * @throws BrokerUnreachable or BrokerRefused; nothing is left open then
   */
  static async connect<S>(
    address: BrokerAddress,
    name: string,
    deadline: Deadline,
    setup: Setup<S>,
    hops: Hops,
  ): Promise<BrokerConnection<S>> {
    // amqplib's own `timeout` is one of inactivity and ends with the handshake. This signal destroys the socket at
    // any time, which is also the only way to leave a dead connection without waiting for it.
    const socket = new AbortController();
    const ended: Ended = { by: undefined };
    let isTimeOut = false;
    let isOpen = false;
    const timer = afterReading(deadline.leftMs, () => {
      isTimeOut = true;
      socket.abort();
    });
    try {
      const connection = await open(address, name, socket, ended, hops);
      isOpen = true;
      hops.begin('setup');
      const blocked = new BlockedState(connection);
      const session = await setup(connection, () => socket.abort());
      hops.end();
      return new BrokerConnection(session, socket, ended, blocked, heartbeatMs(connection));
    } catch (error) {
      socket.abort();
      const trouble = isOpen ? TROUBLES.no_majority : undefined;
      const failure = isTimeOut
        ? new BrokerUnreachable('connection_timeout', { trouble, cause: error })
        : connectionFailure(ended.by ?? error);
      hops.end(failure);
      throw failure;
    } finally {
      clearTimeout(timer);
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
   * False once the connection or its use has ended, for whatever reason. A connection that the process has
   * slept through is ended here.
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

async function open(
  address: BrokerAddress,
  name: string,
  socket: AbortController,
  ended: Ended,
  hops: Hops,
): Promise<ChannelModel> {
  const target = {
    ...address,
    vhost: encodeURIComponent(address.vhost), // amqplib decodes a vhost
    heartbeat: HEARTBEAT_SECONDS,
    maxFrameSize: MAX_FRAME_BYTES,
  };
  const socketOptions = { noDelay: true, clientProperties: { connection_name: name }, signal: socket.signal };
  const connection = await timed(address, hops, () => connectAmqp(target, socketOptions));
  const onClose = (error?: Error) => {
    if (error !== undefined && amqpReply(error)) ended.by ??= error;
  };
  connection.on('error', onClose); // 'close' follows; without a listener the error would be thrown
  connection.on('close', onClose);
  connection.on('close', () => socket.abort());
  return connection;
}

/** amqplib makes its socket itself, and at once; Node's diagnostics channel hands it out. */
function timed<T>({ protocol, hostname }: BrokerAddress, hops: Hops, dial: () => T): T {
  const watch = (message: unknown) => {
    const { socket }: { socket: Socket } = Object(message);
    hops.begin(isIP(hostname) ? 'tcp' : 'dns');
    socket.once('lookup', (error) => error ?? hops.begin('tcp'));
    socket.once('connect', () => hops.begin(protocol === 'amqps' ? 'tls' : 'amqp'));
    socket.once('secureConnect', () => hops.begin('amqp'));
  };
  subscribe('net.client.socket', watch);
  try {
    return dial();
  } finally {
    unsubscribe('net.client.socket', watch);
  }
}

/** The heartbeat agreed on, which amqplib's types omit: after so long a silence the broker may drop the connection. */
function heartbeatMs({ connection }: ChannelModel): number {
  const seconds = 'heartbeat' in connection ? Number(connection.heartbeat) : HEARTBEAT_SECONDS;
  return seconds > 0 ? seconds * 1000 : Number.POSITIVE_INFINITY;
}
