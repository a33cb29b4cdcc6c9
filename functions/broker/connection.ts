import { type Channel, type ChannelModel, type ConfirmChannel, connect as connectAmqp } from 'amqplib';
import type { BrokerAddress } from './address.ts';
import { Blockage } from './blockage.ts';
import { BrokerUnreachable, dialError } from './errors.ts';
import { Wakefulness } from './wakefulness.ts';

/**
 * The heartbeat asked for, in seconds; the broker may lower it. Without heartbeats the broker would keep the
 * connections of execution environments that are gone.
 */
const HEARTBEAT_SECONDS = 60;

/** RabbitMQ sends frames of 128 kB at most. What claims to be larger is not AMQP, and is not buffered. */
const MAX_FRAME_BYTES = 1024 * 1024;

export interface ConnectOptions {
  /** How long all of it may take, from DNS to the end of the setup, in milliseconds. */
  readonly timeoutMs: number;
  /** The name that RabbitMQ's console shows for the connection. */
  readonly name: string;
}

/** The channels of a connection. */
export interface Channels {
  /** What everything depends on: the connection ends with it. */
  readonly main: ConfirmChannel;
  /** Another one, for the setup, which closes it. */
  readonly spare: Channel;
  /** Opens one more, to be closed by whoever asked for it. */
  readonly open: () => Promise<Channel>;
}

/** Prepares the connection's use. */
export type Setup<S> = (channels: Channels) => Promise<S>;

/**
 * One AMQP connection, ready for use. It ends as a whole: when its socket or its main channel does, or when the
 * process was stopped for so long that the broker has dropped it.
 */
export class BrokerConnection<S> {
  readonly #session: S;
  readonly #socket: AbortController;
  readonly #blockage: Blockage;
  readonly #wakefulness: Wakefulness;

  /** @throws BrokerUnreachable or BrokerRefused; nothing is left open then */
  static async connect<S>(
    address: BrokerAddress,
    { timeoutMs, name }: ConnectOptions,
    setup: Setup<S>,
  ): Promise<BrokerConnection<S>> {
    // amqplib's own `timeout` is one of inactivity and ends with the handshake. This signal destroys the socket at
    // any time, which is also the only way to leave a dead connection without waiting for it.
    const socket = new AbortController();
    let isTimeOut = false;
    const timer = setTimeout(() => {
      isTimeOut = true;
      socket.abort();
    }, timeoutMs);
    try {
      const connection = await open(address, name, socket);
      const blockage = new Blockage(connection);
      const session = await setup(await openChannels(connection, socket));
      return new BrokerConnection(session, socket, blockage, heartbeatMs(connection));
    } catch (error) {
      socket.abort();
      throw isTimeOut ? new BrokerUnreachable('connection_timeout', { cause: error }) : dialError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(session: S, socket: AbortController, blockage: Blockage, toleratedSleepMs: number) {
    this.#session = session;
    this.#socket = socket;
    this.#blockage = blockage;
    this.#wakefulness = new Wakefulness(toleratedSleepMs, () => this.destroy());
    const onEnd = () => this.#wakefulness.stop();
    if (socket.signal.aborted) onEnd();
    else socket.signal.addEventListener('abort', onEnd, { once: true });
  }

  /**
   * False once the connection or its channel has ended, for whatever reason. A connection that the process has
   * slept through is ended here.
   */
  isUsable(): boolean {
    this.#wakefulness.check();
    return !this.#socket.signal.aborted;
  }

  /** Whether the broker has blocked publishing on it. */
  get isBlocked(): boolean {
    return this.#blockage.isBlocked;
  }

  /**
   * Does some work with the session; see {@link Blockage.guard}.
   *
   * @throws BrokerBlocked when the broker blocks publishing meanwhile, or what `work` throws
   */
  use<T>(deadline: number, work: (session: S, signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#blockage.guard(deadline, (signal) => work(this.#session, signal));
  }

  /** Ends the connection at once, waiting for nobody. */
  destroy(): void {
    this.#socket.abort();
  }
}

async function open(address: BrokerAddress, name: string, socket: AbortController): Promise<ChannelModel> {
  const target = {
    ...address,
    vhost: encodeURIComponent(address.vhost), // amqplib decodes it
    heartbeat: HEARTBEAT_SECONDS,
    maxFrameSize: MAX_FRAME_BYTES,
  };
  const socketOptions = { noDelay: true, clientProperties: { connection_name: name }, signal: socket.signal };
  const connection = await connectAmqp(target, socketOptions);
  connection.on('error', ignore); // 'close' follows; without a listener it would be thrown
  connection.on('close', () => socket.abort());
  return connection;
}

async function openChannels(connection: ChannelModel, socket: AbortController): Promise<Channels> {
  const open = async () => {
    const channel = await connection.createChannel();
    channel.on('error', ignore); // without a listener, it would end the connection
    return channel;
  };
  const [main, spare] = await Promise.all([connection.createConfirmChannel(), open()]);
  main.on('error', ignore);
  main.on('close', () => socket.abort());
  return { main, spare, open };
}

/** After this long without a sign of life the broker may drop the connection. amqplib's types do not show it. */
function heartbeatMs({ connection }: ChannelModel): number {
  const seconds = 'heartbeat' in connection ? Number(connection.heartbeat) : HEARTBEAT_SECONDS;
  return seconds > 0 ? seconds * 1000 : Number.POSITIVE_INFINITY;
}

function ignore(): void {}
