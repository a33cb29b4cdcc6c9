import type { Socket } from 'node:net';
import type { ChannelModel } from 'amqplib';
import type { BrokerCredentials } from './address.ts';
import * as amqplib from './amqplib.mjs';

/**
 * The heartbeat asked for, in seconds; the broker may lower it. Without heartbeats the broker would keep the
 * connections of execution environments that are gone.
 */
const HEARTBEAT_SECONDS = 60;

/** What RabbitMQ offers by default. */
const FRAME_BYTES = 128 * 1024;

/** RabbitMQ sends frames of 128 kB at most. What claims to be larger than eight of them is not AMQP, and is not buffered. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** The extensions of RabbitMQ that amqplib understands. */
const CAPABILITIES = {
  publisher_confirms: true,
  exchange_exchange_bindings: true,
  'basic.nack': true,
  consumer_cancel_notify: true,
  'connection.blocked': true,
  authentication_failure_close: true,
};

/** Methods of AMQP's class `connection`, as amqplib numbers them. */
const START = (10 << 16) | 10;
const START_OK = (10 << 16) | 11;
const OPEN = (10 << 16) | 40;
const CLOSE = (10 << 16) | 50;

/** Methods of a channel that count as answered while the connection opens, and their answers. */
const TAKEN_FOR_GRANTED: ReadonlyMap<number, number> = new Map([
  [(20 << 16) | 10, (20 << 16) | 11], // channel.open
  [(85 << 16) | 10, (85 << 16) | 11], // confirm.select
]);

/** Of AMQP's class `basic`. */
const CONSUME = (60 << 16) | 20;

/** The type of AMQP's first frame: a method. */
const METHOD_FRAME = 1;

/** The `code` of the error when what answers does not begin as AMQP does. */
const NOT_AMQP = 'ERR_NOT_AMQP';

/** The `code` of the error when the broker ends the connection instead of answering the login. */
const LOGIN_UNANSWERED = 'ERR_LOGIN_UNANSWERED';

/** Who logs in, and where. */
export interface Opening {
  /** Awaited when the broker asks for it. */
  readonly login: Promise<BrokerCredentials>;
  readonly vhost: string;
  /** What RabbitMQ's console shows for the connection. */
  readonly name: string;
}

/** A connection that is open. */
export interface Opened<P> {
  /** What was prepared meanwhile. */
  readonly prepared: P;
  /** Where the process has been stopped for longer, the broker may have dropped the connection; infinite: it never does. */
  readonly maxPauseMs: number;
}

/**
 * amqplib's connection on a socket on which the protocol header was sent already. It takes what arrives as it arrives;
 * amqplib would wait for the next tick, and copy it.
 */
class Connection extends amqplib.Connection {
  readonly #socket: Socket;
  readonly #login: Promise<unknown>;
  /** What the channels have written before `connection.open`; undefined once that is on its way. */
  #ahead: Buffer[] | undefined = [];
  /** With what the broker has ended the handshake. */
  closed: Readonly<Record<string, unknown>> | undefined;
  /** Whether the broker has answered that the connection is open. */
  isOpen = false;
  /** Whether the login was sent, and has not been answered. A heartbeat is no answer. */
  isLoggingIn = false;
  /** Reads what has arrived. */
  #read: () => void = () => undefined;

  /** @param login `connection.start-ok` is sent once this is resolved */
  constructor(socket: Socket, login: Promise<unknown>) {
    super(socket);
    this.#socket = socket;
    this.#login = login;
    const [own] = this.channels;
    const buffer = { write: (frames: Buffer) => this.#write(frames), end: () => undefined };
    if (own) this.channels[0] = { ...own, buffer };
    socket.on('drain', () => {
      for (const open of this.channels.slice(1)) open?.channel.onBufferDrain();
    });
    socket.on('data', (bytes: Buffer) => {
      this.recvSinceLastCheck = true;
      this.rest = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
      this.#read();
    });
  }

  /**
   * A channel writes to the socket, and what is written before the next tick leaves in one system call. amqplib would give
   * each channel a stream of its own, and write each message of these alone, a round of the event loop later.
   */
  override freshChannel(channel: amqplib.ConnectedChannel, options?: object): number {
    sendAhead(channel, this);
    const number = super.freshChannel(channel, options);
    const write = (frames: Buffer) => (this.#ahead ? this.#ahead.push(frames) > 0 : this.#write(frames));
    this.channels[number] = { channel, buffer: { write, end: () => undefined } };
    return number;
  }

  #write(frames: Buffer): boolean {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    return this.#socket.write(frames);
  }

  override sendProtocolHeader(): void {}

  override sendMethod(channel: number, id: number, fields: object): boolean {
    const isWritable = super.sendMethod(channel, id, fields);
    if (id === START_OK) this.isLoggingIn = true;
    if (id === OPEN) {
      for (const frames of this.#ahead ?? []) this.#write(frames);
      this.#ahead = undefined;
    }
    return isWritable;
  }

  override recvFrame(): amqplib.Frame | false {
    const parsed = amqplib.parseFrame(this.rest, this.maxFrameSize);
    if (parsed === false) return false;
    this.rest = parsed.rest;
    return amqplib.decodeFrame(parsed);
  }

  override step(onFrame: amqplib.OnFrame): void {
    this.#read = () => {
      try {
        let frame = this.recvFrame();
        while (frame && frame.id === undefined) frame = this.recvFrame(); // heartbeats, which begin before the connection is open
        if (!frame) return;
        this.#read = () => undefined; // a step reads one frame
        this.isLoggingIn = false;
        if (frame.id === CLOSE) this.closed = frame.fields;
        if (frame.id === START) this.#onceLoginIsThere(onFrame, frame);
        else onFrame(null, frame);
      } catch (error) {
        onFrame(error, null);
      }
    };
    this.#read();
  }

  /** Nothing is read meanwhile. */
  #onceLoginIsThere(onFrame: amqplib.OnFrame, frame: amqplib.Frame): void {
    this.#socket.pause();
    this.#login.then(
      () => {
        this.#socket.resume();
        onFrame(null, frame);
      },
      () => undefined,
    );
  }

  override acceptLoop(): void {
    this.#read = () => {
      try {
        for (let frame = this.recvFrame(); frame; frame = this.recvFrame()) this.accept(frame);
      } catch (error) {
        this.emit('frameError', error);
      }
    };
    this.#read();
  }
}

/**
 * Has a channel send each method at once. amqplib queues it until the one before is answered, and then sends it; here it is queued as
 * well, so that each answer finds its method, but `sent` keeps it from being sent twice. Not once the channel consumes: RabbitMQ may
 * answer what follows `basic.consume` before that. While the connection opens, the channel counts as open: where the broker refuses
 * to open it, it ends the connection.
 */
function sendAhead(channel: amqplib.ConnectedChannel, connection: { readonly isOpen: boolean }): void {
  const sendImmediately = channel.sendImmediately.bind(channel);
  const sendOrEnqueue = channel.sendOrEnqueue.bind(channel);
  const sent = new WeakSet<object>();
  let hasConsumed = false;
  channel.sendOrEnqueue = (method, fields, reply) => {
    const isAhead = channel.reply !== null && !hasConsumed;
    const granted = connection.isOpen ? undefined : TAKEN_FOR_GRANTED.get(method);
    hasConsumed ||= method === CONSUME;
    sendOrEnqueue(method, fields, granted === undefined ? reply : () => undefined);
    if (granted !== undefined) reply(null, { id: granted, channel: 0, fields: {} });
    if (!isAhead) return;
    sendImmediately(method, fields);
    sent.add(fields);
  };
  channel.sendImmediately = (method, fields) => sent.delete(fields) || sendImmediately(method, fields);
}

/**
 * Logs in, and opens the connection.
 *
 * @param socket on which the protocol header was sent
 * @param prepare called at once: what it sends leaves with `connection.open`, and need not wait for the answer
 * @throws amqplib's error, with `replyCode` and `replyText` where the broker has closed the connection, and with the `code`
 * {@link NOT_AMQP} or {@link LOGIN_UNANSWERED}; the socket's, where that has closed. If the login cannot be had, this waits until the
 * socket is destroyed.
 */
export async function openConnection<P>(
  socket: Socket,
  { login, vhost, name }: Opening,
  prepare: (connection: ChannelModel) => P,
): Promise<Opened<P>> {
  if (socket.destroyed || socket.readableEnded) throw socket.errored ?? new Error('The socket is closed');
  const { promise, resolve, reject } = Promise.withResolvers<Opened<P>>();
  const fields = {
    clientProperties: {
      product: 'guest-rpc-ping',
      platform: `Node.js ${process.version}`,
      capabilities: CAPABILITIES,
      connection_name: name,
    },
    mechanism: 'PLAIN',
    response: Buffer.alloc(0), // when the login is there
    locale: 'en_US',
    channelMax: 0, // as many as the broker allows
    frameMax: FRAME_BYTES,
    heartbeat: HEARTBEAT_SECONDS,
    maxFrameSize: MAX_FRAME_BYTES,
    virtualHost: vhost,
    capabilities: '',
    insist: 0,
  } satisfies amqplib.OpenFields;
  const filledIn = login.then(({ username, password }) => {
    fields.response = Buffer.from(`\0${username}\0${password}`);
  });
  filledIn.catch(() => undefined); // whoever has asked for the login hears of it
  const connection = new Connection(socket, filledIn);
  connection.open(fields, (error) => {
    connection.isOpen = error === null;
    if (error !== null) socket.destroy(); // whatever else came would be kept, and read by nobody
    const [type = METHOD_FRAME] = connection.rest; // what could not be read
    if (error !== null && type !== METHOD_FRAME) reject(Object.assign(error, { code: NOT_AMQP }));
    else if (error !== null && connection.isLoggingIn)
      reject(Object.assign(error, { code: LOGIN_UNANSWERED }));
    else if (error !== null) reject(Object.assign(error, connection.closed));
    else resolve({ prepared, maxPauseMs: maxPauseMs(connection) });
  });
  const prepared = prepare(new amqplib.ChannelModel(connection));
  return promise;
}

/**
 * RabbitMQ drops a connection that has been silent for two heartbeats. amqplib has sent something in the last half of one, so that one and
 * a half remain.
 */
function maxPauseMs({ heartbeat }: Connection): number {
  return heartbeat > 0 ? 1.5 * heartbeat * 1000 : Number.POSITIVE_INFINITY;
}
