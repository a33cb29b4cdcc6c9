import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect } from 'amqplib';
import { pingRequest, rpcPing } from '../../functions/guest/ping.ts';
import { PingTiming } from '../../functions/guest/timing.ts';
import { openTransport, type Transport } from '../../functions/oslo/transport.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { Interruption } from '../../functions/time/interruption.ts';
import { eventually } from '../setup/eventually.ts';
import { encodeReply, type ReceivedRequest, respond } from '../setup/responder.ts';
import { TcpProxy } from '../setup/tcp-proxy.ts';
import { TestBroker } from '../setup/test-broker.ts';

// Servers before oslo.messaging 9.2 reply to a direct exchange that is named like the reply queue.

/** AMQP's class and method. */
const QUEUE_UNBIND = Buffer.from([0, 50, 0, 50]);

const LEAST = { configure: '^reply_.*', read: '^reply_.*', write: '^trove$' };

let broker: TestBroker;

beforeAll(async () => {
  broker = await TestBroker.create();
});
afterAll(() => broker.delete());

async function guest(onRequest: (request: ReceivedRequest) => void): Promise<string> {
  const id = randomUUID();
  await respond(await broker.channel(), id, onRequest);
  return id;
}

/** As such a server replies: while there is no such exchange, it tries again every 0.25 s. */
async function replyByExchange({ message }: ReceivedRequest): Promise<void> {
  const [queue, msgId] = [String(message['_reply_q']), String(message['_msg_id'])];
  for (;;) {
    const channel = await broker.channel();
    channel.on('error', () => undefined);
    const isThere = await channel.checkExchange(queue).catch(() => undefined);
    if (isThere) {
      channel.publish(queue, queue, Buffer.from(encodeReply(msgId)));
      return;
    }
    await setTimeout(250);
  }
}

function ping(transport: Transport, instanceId: string) {
  return rpcPing(transport, instanceId, pingRequest({ tenantId: 't', requestId: 'req-1' }), {
    controlExchange: 'trove',
    timing: new PingTiming('single', Deadline.in(15_000), 250),
    interruption: new Interruption(),
  });
}

test('a guest that replies by an exchange is reachable', async () => {
  const id = await guest(replyByExchange);
  const transport = await openTransport(await broker.connect(), () => undefined);
  expect([await ping(transport, id), await ping(transport, id)]).toMatchObject([
    { reachable: true },
    { reachable: true },
  ]);
});

test('it is reachable where the broker allows one channel more than a connection has', async () => {
  const url = await broker.user({ ...LEAST, write: '.*' });
  await broker.request('PUT', `user-limits/${new URL(url).username}/max-channels`, { value: 4 });
  const connection = await connect(url);
  connection.on('error', () => undefined);
  const transport = await openTransport(connection, () => undefined);
  expect(await ping(transport, await guest(replyByExchange))).toMatchObject({ reachable: true });
  await connection.close();
});

test('no exchange is declared where each guest answers', async () => {
  const id = await guest(({ reply }) => reply());
  const transport = await openTransport(await broker.connect(), () => undefined);
  await ping(transport, id);
  expect((await broker.list('exchanges')).map(({ name }) => name)).not.toContain(transport.client.replyQueue);
});

test('a user that may not bind the exchange leaves none behind when its connection dies meanwhile', async () => {
  const url = await broker.user(LEAST);
  const path = await TcpProxy.to(url);
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  path.swallowAfter((from, packet) => {
    const isUnbind = from === 'client' && packet.includes(QUEUE_UNBIND);
    if (isUnbind) resolve();
    return isUnbind;
  });
  const connection = await connect(path.url(url));
  connection.on('error', () => undefined);
  const transport = await openTransport(connection, () => undefined);
  const { replyQueue } = transport.client;
  const pinged = ping(transport, await guest(() => undefined)).catch(() => undefined);
  await asked;
  await path.close();
  await pinged;
  await eventually(
    () => broker.list('queues'),
    (list) => list.every(({ name }) => name !== replyQueue),
  );
  const names = (await broker.list('exchanges')).map(({ name }) => name);
  expect(names).not.toContain(replyQueue);
});
