import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Amqp, type BrokerConnection, connectBroker } from '../../functions/broker/connection.ts';
import { openConnection } from '../../functions/broker/handshake.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { Hops } from '../../functions/time/hops.ts';
import { eventually } from '../setup/eventually.ts';

interface Definitions {
  readonly [method: `${'Connection' | 'Channel' | 'Exchange' | 'Queue' | 'Basic'}${string}`]: number;
  encodeMethod(id: number, channel: number, fields: object): Buffer;
}

const require = createRequire(import.meta.url);
const { encodeMethod, ...METHODS }: Definitions = require(
  join(dirname(require.resolve('amqplib')), 'lib', 'defs.js'),
);

const HEADER = 'AMQP\0\0\x09\x01';
const START = { versionMajor: 0, versionMinor: 9, serverProperties: {}, mechanisms: Buffer.from('PLAIN') };
const TUNE = { channelMax: 2047, frameMax: 131_072, heartbeat: 60 };
const NO_VHOST = { replyCode: 530, replyText: 'NOT_ALLOWED - vhost x not found', classId: 10, methodId: 40 };

/** The broker's side of one connection: keeps what arrives, and answers as the test says. */
class Peer {
  readonly server: Server;
  readonly #socket = Promise.withResolvers<Socket>();
  #received = Buffer.alloc(0);
  isClosed = false;

  static async listen(): Promise<Peer> {
    const peer = new Peer();
    peer.server.listen(0, '127.0.0.1');
    await once(peer.server, 'listening');
    return peer;
  }

  private constructor() {
    this.server = createServer((socket) => {
      socket.on('data', (data) => {
        this.#received = Buffer.concat([this.#received, data]);
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.isClosed = true;
      });
      this.#socket.resolve(socket);
    });
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  /** All that has arrived, as soon as there is `text` in it. */
  received(text: string | Buffer): Promise<Buffer> {
    return eventually(
      async () => this.#received,
      (all) => all.includes(text),
    );
  }

  /** How often a method has arrived. */
  async count(id: number | undefined): Promise<number> {
    return this.#received.toString('latin1').split(idBytes(id).toString('latin1')).length - 1;
  }

  async send(id: number | undefined, fields: object, channel = 0): Promise<void> {
    await this.sendBytes(frameOf(id, fields, channel));
  }

  async sendBytes(bytes: Buffer): Promise<void> {
    (await this.#socket.promise).write(bytes);
  }

  /** Each byte in a packet of its own. */
  async sendSlowly(bytes: Buffer): Promise<void> {
    (await this.#socket.promise).setNoDelay();
    for (const byte of bytes) {
      await this.sendBytes(Buffer.of(byte));
      await new Promise(setImmediate);
    }
  }

  async sendHeartbeats(count: number): Promise<void> {
    const heartbeat = Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce]);
    await this.sendBytes(Buffer.alloc(count * heartbeat.length, heartbeat));
  }

  /** Reads nothing from now on; or goes on. */
  async reads(isReading: boolean): Promise<void> {
    const socket = await this.#socket.promise;
    if (isReading) socket.resume();
    else socket.pause();
  }

  async end(): Promise<void> {
    (await this.#socket.promise).end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    (await this.#socket.promise).destroy();
    this.server.close();
  }
}

function frameOf(id: number | undefined, fields: object, channel = 0): Buffer {
  return encodeMethod(id ?? 0, channel, fields);
}

/** A method's class id and method id, as a frame has them. */
function idBytes(id: number | undefined): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(id ?? 0);
  return bytes;
}

describe('a connection to the broker', () => {
  let peer: Peer;
  let login: PromiseWithResolvers<{ username: string; password: string }>;
  beforeEach(async () => {
    peer = await Peer.listen();
    login = Promise.withResolvers();
  });
  afterEach(() => peer[Symbol.asyncDispose]());

  function connect<S>(setup: Amqp<S>['setup']): Promise<BrokerConnection<S>> {
    const found = {
      protocol: 'amqp',
      hostname: '127.0.0.1',
      port: peer.port,
      vhost: 'x',
      login: login.promise,
    } as const;
    const options = {
      name: 'the name',
      timeoutMs: 5000,
      loadAmqp: async () => ({ openConnection, setup }),
    };
    return connectBroker(found, options, Deadline.never, new Hops());
  }

  test('begins the handshake without the login, and goes on when the login is there', async () => {
    const connecting = connect(async () => 'ready');
    await peer.received(HEADER);
    await peer.send(METHODS['ConnectionStart'], START);
    login.resolve({ username: 'user', password: 'secret' });
    const all = await peer.received('\0user\0secret');
    expect(all.toString('latin1').split(HEADER)).toHaveLength(2);
    expect(all.includes('the name')).toBe(true);
    await peer.send(METHODS['ConnectionTune'], TUNE);
    await peer.received(idBytes(METHODS['ConnectionOpen']));
    await peer.send(METHODS['ConnectionOpenOk'], {});
    expect((await connecting).session).toBe('ready');
    (await connecting).destroy();
  });

  test('waits for a broker that opens it late, and sends heartbeats meanwhile', async () => {
    const connecting = connect(async () => 'ready');
    await peer.send(METHODS['ConnectionStart'], START);
    login.resolve({ username: 'user', password: 'secret' });
    await peer.received('secret');
    await peer.send(METHODS['ConnectionTune'], TUNE);
    await peer.received(idBytes(METHODS['ConnectionOpen']));
    await peer.sendHeartbeats(50_000);
    await peer.send(METHODS['ConnectionOpenOk'], {});
    expect((await connecting).session).toBe('ready');
    (await connecting).destroy();
  });

  test('reads what arrives byte by byte, and several answers that arrive at once', async () => {
    const connecting = connect((connection) => connection.createChannel());
    await peer.sendSlowly(frameOf(METHODS['ConnectionStart'], START));
    login.resolve({ username: 'user', password: 'secret' });
    await peer.received('secret');
    await peer.sendSlowly(frameOf(METHODS['ConnectionTune'], TUNE));
    await peer.received(idBytes(METHODS['ConnectionOpen']));
    await peer.sendSlowly(frameOf(METHODS['ConnectionOpenOk'], {}));
    await peer.sendSlowly(frameOf(METHODS['ChannelOpenOk'], { channelId: Buffer.alloc(0) }, 1));
    const connection = await connecting;
    const channel = connection.session;
    const found = { queue: 'q', messageCount: 1, consumerCount: 2 };
    const slow = channel.checkQueue('q');
    await peer.sendSlowly(frameOf(METHODS['QueueDeclareOk'], found, 1));
    expect(await slow).toMatchObject(found);
    const atOnce = ['a', 'b', 'c'].map((queue) => channel.checkQueue(queue));
    await peer.received('\x01c');
    const declared = frameOf(METHODS['QueueDeclareOk'], found, 1);
    await peer.sendBytes(Buffer.concat([declared, declared, declared]));
    expect(await Promise.all(atOnce)).toMatchObject([found, found, found]);
    connection.destroy();
  });

  test.each([
    ['is no frame', Buffer.from('HTTP/1.1 400 Bad Request\r\n')],
    ['names a longer frame than any of RabbitMQ', Buffer.from([1, 0, 0, 0x7f, 0, 0, 0, 0])],
  ])('ends where what arrives %s', async (_, bytes) => {
    const connecting = connect(async () => 'ready');
    await peer.send(METHODS['ConnectionStart'], START);
    login.resolve({ username: 'user', password: 'secret' });
    await peer.received('secret');
    await peer.send(METHODS['ConnectionTune'], TUNE);
    await peer.send(METHODS['ConnectionOpenOk'], {});
    const connection = await connecting;
    await peer.sendBytes(bytes);
    await eventually(
      async () => connection.isUsable(),
      (isUsable) => !isUsable,
    );
  });

  test('sends what is done first on a channel before the broker has answered that the connection is open', async () => {
    const connecting = connect(async (connection) => {
      const channel = await connection.createChannel();
      await Promise.all([channel.assertQueue('q'), channel.consume('q', () => undefined)]);
    });
    await peer.send(METHODS['ConnectionStart'], START);
    login.resolve({ username: 'user', password: 'secret' });
    await peer.received('secret');
    await peer.send(METHODS['ConnectionTune'], TUNE);
    const all = await peer.received(idBytes(METHODS['BasicConsume']));
    const sent = ['ConnectionOpen', 'ChannelOpen', 'QueueDeclare', 'BasicConsume'] as const;
    const places = sent.map((method) => all.indexOf(idBytes(METHODS[method])));
    expect(places).toEqual(places.toSorted((one, other) => one - other));
    expect(places).not.toContain(-1);
    await peer.end();
    await expect(connecting).rejects.toMatchObject({ how: 'connection_terminated' });
  });

  test('sends what is done later on a channel without waiting for answers, until that channel consumes', async () => {
    const connecting = connect(async (connection) => connection);
    await peer.send(METHODS['ConnectionStart'], START);
    login.resolve({ username: 'user', password: 'secret' });
    await peer.received('secret');
    await peer.send(METHODS['ConnectionTune'], TUNE);
    await peer.send(METHODS['ConnectionOpenOk'], {});
    const opening = (await connecting).session.createChannel();
    await peer.received(idBytes(METHODS['ChannelOpen']));
    await peer.send(METHODS['ChannelOpenOk'], { channelId: Buffer.alloc(0) }, 1);
    const channel = await opening;
    channel.on('error', () => undefined);
    const answers = [
      channel.assertExchange('x', 'direct'),
      channel.consume('q', () => undefined),
      channel.checkQueue('after'),
    ];
    await peer.received(idBytes(METHODS['BasicConsume']));
    expect(await peer.count(METHODS['QueueDeclare'])).toBe(0);
    await peer.send(METHODS['ExchangeDeclareOk'], {}, 1);
    await peer.send(METHODS['BasicConsumeOk'], { consumerTag: 'tag' }, 1);
    await peer.received(idBytes(METHODS['QueueDeclare']));
    await peer.send(METHODS['QueueDeclareOk'], { queue: 'after', messageCount: 0, consumerCount: 0 }, 1);
    await Promise.all(answers);
    (await connecting).destroy();
  });

  test('says that the socket is full, and when it takes more, on each of its channels', async () => {
    const connecting = connect((connection) =>
      Promise.all([connection.createChannel(), connection.createChannel()]),
    );
    await peer.send(METHODS['ConnectionStart'], START);
    login.resolve({ username: 'user', password: 'secret' });
    await peer.received('secret');
    await peer.send(METHODS['ConnectionTune'], TUNE);
    await peer.send(METHODS['ConnectionOpenOk'], {});
    for (const number of [1, 2])
      await peer.send(METHODS['ChannelOpenOk'], { channelId: Buffer.alloc(0) }, number);
    const connection = await connecting;
    const [one, other] = connection.session;
    await peer.reads(false);
    const drained = [once(one, 'drain'), once(other, 'drain')];
    const body = Buffer.alloc(100_000);
    while (one.publish('', 'a', body) || other.publish('', 'b', body)) await new Promise(setImmediate);
    await peer.reads(true);
    await Promise.all(drained);
    expect(one.publish('', 'a', Buffer.from('the last one'))).toBe(true);
    await peer.received('the last one');
    connection.destroy();
  });

  test('keeps the words with which the broker refuses to open it', async () => {
    const connecting = connect((connection) => connection.createChannel());
    await peer.send(METHODS['ConnectionStart'], START);
    login.resolve({ username: 'user', password: 'secret' });
    await peer.received('secret');
    await peer.send(METHODS['ConnectionTune'], TUNE);
    await peer.received(idBytes(METHODS['ConnectionOpen']));
    await peer.send(METHODS['ConnectionClose'], NO_VHOST);
    await expect(connecting).rejects.toMatchObject({
      code: 'broker_refused',
      what: 'vhost_missing',
      brokerSaid: '530 NOT_ALLOWED - vhost x not found',
    });
  });

  test('that the broker ends instead of answering the login says so', async () => {
    const connecting = connect(async () => undefined);
    await peer.send(METHODS['ConnectionStart'], START);
    login.resolve({ username: 'user', password: 'secret' });
    await peer.received('secret');
    await peer.end();
    await expect(connecting).rejects.toMatchObject({
      how: 'connection_terminated',
      message: expect.stringContaining('without an answer to the login'),
    });
  });

  test('that ends while the login is looked up is broken off when the login is there', async () => {
    const connecting = connect(async () => undefined);
    await peer.received(HEADER);
    await peer.end();
    await eventually(
      async () => peer.isClosed,
      (isClosed) => isClosed,
    );
    login.resolve({ username: 'user', password: 'secret' });
    await expect(connecting).rejects.toMatchObject({ how: 'connection_terminated' });
  });

  test('that the broker refuses while the login is looked up is ended at once', async () => {
    const connecting = connect(async () => undefined);
    await peer.send(METHODS['ConnectionClose'], NO_VHOST);
    await eventually(
      async () => peer.isClosed,
      (isClosed) => isClosed,
    );
    login.resolve({ username: 'user', password: 'secret' });
    await expect(connecting).rejects.toMatchObject({ what: 'vhost_missing' });
  });

  test('whose login cannot be looked up fails with that, and leaves no socket open', async () => {
    const connecting = connect(async () => undefined);
    await peer.received(HEADER);
    login.reject(new Error('no secret'));
    await expect(connecting).rejects.toThrow('no secret');
    await eventually(
      async () => peer.isClosed,
      (isClosed) => isClosed,
    );
  });
});
