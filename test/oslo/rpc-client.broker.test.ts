import { randomUUID } from 'node:crypto';
import { brotliCompressSync, deflateSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import {
  MessageDeliveryFailure,
  MessageUndeliverable,
  MessagingTimeout,
  RemoteError,
  UnreadableReply,
} from '../../functions/oslo/errors.ts';
import { RpcRequest } from '../../functions/oslo/message.ts';
import type { RpcClient } from '../../functions/oslo/rpc-client.ts';
import { openTransport } from '../../functions/oslo/transport.ts';
import { eventually } from '../setup/eventually.ts';
import { QUEUE_OPTIONS } from '../setup/guest-queues.ts';
import { LONG, writeLongsAsPyAmqp } from '../setup/py-amqp.ts';
import { encodeReply, type ReceivedRequest, respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';
import { callTiming } from './call-timing.ts';

const CALL = { method: 'rpc_ping', args: {}, version: '1.0', context: { tenant: 't' } };
const REQUEST = RpcRequest.of(CALL);
/** A deadline that no call of these tests reaches. */
const long = () => callTiming(30_000);
const short = () => callTiming(200);
/** The longest message that RabbitMQ 4 takes unless it is configured otherwise; RabbitMQ 3 takes longer ones. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

let broker: TestBroker;
let server: ConfirmChannel;
let longs: { readonly written: number };
let connection: ChannelModel;
let client: RpcClient;

beforeAll(async () => {
  broker = await TestBroker.create();
  server = await broker.channel();
  longs = writeLongsAsPyAmqp(server);
});
afterAll(() => broker.delete());

beforeEach(async () => {
  connection = await broker.connect();
  client = await openClient(connection);
});
afterEach(() => connection.close().catch(() => undefined));

async function openClient(model: ChannelModel): Promise<RpcClient> {
  return (await openTransport(model, () => undefined)).client;
}

function targetOf(instanceId: string) {
  return { exchange: 'trove', topic: `guestagent.${instanceId}` };
}

/** Deletes the reply queue, by the client's own connection: the queue is exclusive to that. */
async function deleteQueue(queue: string): Promise<void> {
  const other = await connection.createChannel();
  await other.deleteQueue(queue).catch(() => undefined); // the connection may close before the answer
}

/** Starts a guest that calls `onRequest` for each request. @returns the target of calls to the guest */
async function guest(onRequest: (request: ReceivedRequest) => void) {
  const id = randomUUID();
  await respond(server, id, onRequest);
  return targetOf(id);
}

describe('failing calls', () => {
  test('a call to a topic without a queue throws MessageUndeliverable at once', async () => {
    await guest(() => undefined); // declares the exchange
    await expect(client.call(targetOf(randomUUID()), REQUEST, long()).result).rejects.toThrow(
      MessageUndeliverable,
    );
  });

  test('a call to a missing exchange throws MessageDeliveryFailure with 404 at once', async () => {
    const call = client.call({ exchange: 'nowhere', topic: 'guestagent.x' }, REQUEST, long()).result;
    await expect(call).rejects.toMatchObject({ name: 'MessageDeliveryFailure', replyCode: 404 });
  });

  test('a call without a reply throws MessagingTimeout at its deadline', async () => {
    const target = await guest(() => undefined);
    await expect(client.call(target, REQUEST, short()).result).rejects.toThrow(MessagingTimeout);
  });

  test('a call whose deadline has passed throws MessagingTimeout without publishing', async () => {
    await expect(client.call(targetOf('x'), REQUEST, callTiming(0)).result).rejects.toThrow(MessagingTimeout);
  });

  test('a call whose connection ends throws MessageDeliveryFailure, and so does each later one', async () => {
    const target = await guest(() => connection.close());
    await expect(client.call(target, REQUEST, long()).result).rejects.toThrow(MessageDeliveryFailure);
    await expect(client.call(target, REQUEST, long()).result).rejects.toThrow(MessageDeliveryFailure);
  });

  test('a call whose reply queue is deleted throws MessageDeliveryFailure', async () => {
    const target = await guest(({ message }) => deleteQueue(String(message['_reply_q'])));
    await expect(client.call(target, REQUEST, long()).result).rejects.toThrow(MessageDeliveryFailure);
  });

  test('a call whose server raises an exception throws RemoteError with class, message and traceback', async () => {
    const failure = JSON.stringify({ class: 'E', module: 'm', message: 'boom', tb: ['at a\n', 'at b\n'] });
    const target = await guest(({ reply }) => reply({ result: null, failure }));
    await expect(client.call(target, REQUEST, long()).result).rejects.toMatchObject({
      name: 'RemoteError',
      failure: { class: 'E', module: 'm', message: 'boom', traceback: 'at a\nat b\n' },
    });
  });

  test('a call whose reply has its _msg_id but cannot be read throws UnreadableReply', async () => {
    const target = await guest(({ reply }) => reply({ failure: 'no JSON' }));
    await expect(client.call(target, REQUEST, long()).result).rejects.toThrow(UnreadableReply);
  });

  test('a call whose server answers garbage throws UnreadableReply at once, and one beside it does not', async () => {
    const slow: ReceivedRequest[] = [];
    const other = client.call(await guest((request) => void slow.push(request)), REQUEST, long()).result;
    const target = await guest(({ replyRaw }) => replyRaw('garbage'));
    await expect(client.call(target, REQUEST, long()).result).rejects.toThrow(UnreadableReply);
    slow[0]?.reply();
    await expect(other).resolves.toBe(true);
  });

  test('a call alone in flight when garbage of another server comes times out', async () => {
    const { promise: late, resolve: onLate } = Promise.withResolvers<ReceivedRequest>();
    const slow = await guest(onLate);
    await expect(client.call(slow, REQUEST, short()).result).rejects.toThrow(MessagingTimeout);
    const target = await guest(() => late.then(({ replyRaw }) => replyRaw('garbage')));
    await expect(client.call(target, REQUEST, callTiming(1000)).result).rejects.toThrow(MessagingTimeout);
  });

  test.each([
    [
      'in the middle of a small message',
      ({ replyRaw, message }: ReceivedRequest) => replyRaw(`{"_msg_id": "${message['_msg_id']}"`),
    ],
    ['at the end of 1.2 MB', ({ reply }: ReceivedRequest) => reply({ failure: 'x'.repeat(1_200_000) })],
  ])('a call that is named %s that cannot be read throws UnreadableReply at once', async (_where, answer) => {
    const target = await guest(answer);
    await expect(client.call(target, REQUEST, long()).result).rejects.toThrow(UnreadableReply);
  });

  test.each([
    [
      'bzip2, which Node cannot read',
      'application/x-bz2',
      (body: string) => Buffer.from(body),
      /bzip2.*kombu_compression/,
    ],
    ['no zlib at all', 'application/x-gzip', () => Buffer.from('no zlib'), /is no application\/x-gzip/],
    [
      'more than the limit',
      'application/x-gzip',
      () => deflateSync(Buffer.alloc(1_000_000)),
      /unpacks to more than 65536/,
    ],
  ])(
    'a reply of %s fails its own call at once, and no other',
    async (_what, compression, compress, problem) => {
      const slow: ReceivedRequest[] = [];
      const other = client.call(await guest((request) => void slow.push(request)), REQUEST, long()).result;
      const target = await guest(({ message, replyRaw }) => {
        replyRaw(compress(encodeReply(String(message['_msg_id']))), { headers: { compression } });
      });
      const failed = client.call(target, REQUEST, long()).result;
      await expect(failed).rejects.toMatchObject({
        name: 'UnreadableReply',
        message: expect.stringMatching(problem),
      });
      slow[0]?.reply();
      await expect(other).resolves.toBe(true);
      await eventually(
        () => broker.list('queues'),
        (queues) => queues.filter(({ name }) => name.startsWith('reply_')).length <= 2,
      );
    },
  );

  test('a call whose topic the user may not write to is refused alone, and others beside it are answered', async () => {
    const url = await broker.user({
      configure: '^reply_.*',
      read: '^reply_.*',
      write: '^(trove|guestagent\\..*)$',
    });
    const forbidden = await guest(({ reply }) => reply());
    const allowed = await Promise.all(Array.from({ length: 20 }, () => guest(({ reply }) => reply())));
    await broker.permitTopics(new URL(url).username, 'trove', `^(?!${forbidden.topic}$).*`);
    const { connect } = await import('amqplib');
    const limited = await connect(url);
    limited.on('error', () => undefined);
    const limitedClient = await openClient(limited);
    for (const silentAfterMs of [0, 20_000]) {
      const timing = () => callTiming(30_000, { silentAfterMs });
      const results = allowed.flatMap((target) => [
        limitedClient.call(forbidden, REQUEST, timing()).result.catch((error) => error),
        limitedClient.call(target, REQUEST, timing()).result,
      ]);
      for (const [index, result] of (await Promise.all(results)).entries()) {
        if (index % 2 === 1) expect(result).toBe(true);
        else expect(result).toMatchObject({ how: 'refused', replyCode: 403, isOfExchange: false });
      }
    }
    await limited.close();
  });

  test('a call to a missing exchange does not keep later calls from their replies', async () => {
    await expect(client.call({ exchange: 'nowhere', topic: 'x' }, REQUEST, long()).result).rejects.toThrow();
    const target = await guest(({ reply }) => reply());
    await expect(client.call(target, REQUEST, long()).result).resolves.toBe(true);
  });
});

describe('undisturbed calls', () => {
  const others: [string, (request: ReceivedRequest) => void][] = [
    ['garbage', ({ replyRaw }) => replyRaw('garbage')],
    ['an empty message', ({ replyRaw }) => replyRaw('')],
    [
      'as much as RabbitMQ takes by default',
      ({ replyRaw }) => replyRaw(Buffer.alloc(MAX_MESSAGE_BYTES, '{')),
    ],
    [
      'a header that amqplib cannot decode',
      ({ reply }) => reply({ result: null, ending: false }, { headers: LONG }),
    ],
    [
      'a reply to another call',
      ({ replyRaw }) => replyRaw(encodeReply('0'.repeat(32), { result: 'foreign' })),
    ],
    ['a reply without _msg_id', ({ reply }) => reply({ _msg_id: undefined, result: "nobody's" })],
    [
      'call-monitor heartbeats',
      ({ reply }) => [1, 2, 3].forEach(() => void reply({ result: null, ending: false })),
    ],
  ];
  test.each(others)('a call is not disturbed by %s', async (_what, disturb) => {
    const target = await guest((request) => {
      disturb(request);
      request.reply();
    });
    await expect(client.call(target, REQUEST, long()).result).resolves.toBe(true);
  });

  test('a call is not disturbed by a late reply to the call before, which finds the reply queue', async () => {
    const { promise: late, resolve: onLate } = Promise.withResolvers<ReceivedRequest>();
    const slow = await guest(onLate);
    await expect(client.call(slow, REQUEST, short()).result).rejects.toThrow(MessagingTimeout);
    const returned: unknown[] = [];
    server.on('return', (message) => returned.push(message));

    const { message } = await late;
    const options = { mandatory: true };
    server.sendToQueue(
      String(message['_reply_q']),
      Buffer.from(encodeReply(String(message['_msg_id']))),
      options,
    );
    await server.waitForConfirms();
    const target = await guest(({ reply }) => reply({ result: 'mine' }));

    await expect(client.call(target, REQUEST, long()).result).resolves.toBe('mine');
    expect(returned).toEqual([]);
  });

  test('a call is not disturbed by a doubled reply to itself or to the call before', async () => {
    const target = await guest(({ reply }) => [1, 2].forEach(() => void reply()));
    await expect(client.call(target, REQUEST, long()).result).resolves.toBe(true);
    await expect(client.call(target, REQUEST, long()).result).resolves.toBe(true);
  });
});

describe('successful calls', () => {
  test('a call returns the result of a reply in two parts, as older servers send it', async () => {
    const target = await guest(({ reply }) => {
      reply({ result: 'pong', ending: false });
      reply({ result: undefined, ending: true });
    });
    await expect(client.call(target, REQUEST, long()).result).resolves.toBe('pong');
  });

  test('a call returns the result of a reply whose header amqplib cannot decode', async () => {
    const target = await guest(({ reply }) => reply({}, { headers: LONG }));
    await expect(client.call(target, REQUEST, long()).result).resolves.toBe(true);
    expect(longs.written).toBeGreaterThan(0);
  });

  test.each([
    ['zlib', 'application/x-gzip', deflateSync],
    ['brotli', 'application/x-brotli', brotliCompressSync],
    ['zstd', 'application/zstd', zstdCompressSync],
  ] as const)(
    'a call returns the result of a reply compressed with %s',
    async (_name, compression, compress) => {
      const target = await guest(({ message, replyRaw }) => {
        replyRaw(compress(encodeReply(String(message['_msg_id']))), { headers: { compression } });
      });
      await expect(client.call(target, REQUEST, long()).result).resolves.toBe(true);
    },
  );

  test('a call returns null when the result is null', async () => {
    const target = await guest(({ reply }) => reply({ result: null }));
    await expect(client.call(target, REQUEST, long()).result).resolves.toBeNull();
  });

  test('a call succeeds for a user with the least permissions', async () => {
    const url = await broker.user({ configure: '^reply_.*', read: '^reply_.*', write: '^trove$' });
    const target = await guest(({ reply }) => reply());
    const { connect } = await import('amqplib');
    const least = await connect(url);
    const leastClient = await openClient(least);
    await expect(leastClient.call(target, REQUEST, long()).result).resolves.toBe(true);
    await least.close();
  });

  test('two hundred calls in flight each get their own result, whatever the order of the replies', async () => {
    const received: ReceivedRequest[] = [];
    const { promise: allReceived, resolve } = Promise.withResolvers<void>();
    const targets = await Promise.all(
      Array.from({ length: 200 }, () =>
        guest((request) => {
          if (received.push(request) === 200) resolve();
        }),
      ),
    );
    const calls = targets.map(
      (target, index) => client.call(target, RpcRequest.of({ ...CALL, args: { index } }), long()).result,
    );
    await allReceived;
    received.sort(() => Math.random() - 0.5);
    for (const { message, reply } of received)
      reply({ result: (message['args'] as { index: number }).index });
    await expect(Promise.all(calls)).resolves.toEqual(calls.map((_, index) => index));
  });
});

describe('the broker', () => {
  test("a request has oslo.messaging's properties, expires, and has a new _unique_id each time", async () => {
    const requests: ReceivedRequest[] = [];
    const target = await guest((request) => {
      requests.push(request);
      request.reply();
    });
    await client.call(target, REQUEST, callTiming(15_000)).result;
    await client.call(target, REQUEST, callTiming(15_000)).result;
    const [first, second] = requests;
    expect(first?.properties).toMatchObject({
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: {},
      deliveryMode: 2,
      priority: 0,
      expiration: '15000',
      correlationId: undefined,
      replyTo: undefined,
    });
    const hex32 = expect.stringMatching(/^[0-9a-f]{32}$/);
    expect(first?.message).toMatchObject({
      _msg_id: hex32,
      _unique_id: hex32,
      _timeout: null,
      _context_tenant: 't',
    });
    expect(second?.message['_unique_id']).not.toBe(first?.message['_unique_id']);
    expect(second?.message['_reply_q']).toBe(first?.message['_reply_q']);
  });

  test('the queue of a dead server keeps no request beyond its deadline', async () => {
    const queue = `guestagent.${randomUUID()}`;
    await guest(() => undefined);
    await server.assertQueue(queue, QUEUE_OPTIONS);
    await server.bindQueue(queue, 'trove', queue);
    const call = client.call({ exchange: 'trove', topic: queue }, REQUEST, short()).result;
    await eventually(
      () => server.checkQueue(queue),
      ({ messageCount }) => messageCount === 1,
    );
    await expect(call).rejects.toThrow(MessagingTimeout);
    await eventually(
      () => server.checkQueue(queue),
      ({ messageCount }) => messageCount === 0,
    );
  });

  test('no queue of a client is left when its connection has closed', async () => {
    const target = await guest(({ reply }) => reply());
    await client.call(target, REQUEST, long()).result;
    await connection.close();
    await eventually(
      () => broker.list('queues'),
      (queues) => !queues.some(({ name }) => name === client.replyQueue),
    );
  });
});

test('a RemoteError without a traceback has the message of the exception', () => {
  expect(new RemoteError({ class: 'E', module: '', message: 'boom', traceback: '' }).message).toBe('boom');
});
