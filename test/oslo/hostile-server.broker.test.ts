import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { ConfirmChannel } from 'amqplib';
import { RpcRequest } from '../../functions/oslo/message.ts';
import type { RpcClient } from '../../functions/oslo/rpc-client.ts';
import { openTransport } from '../../functions/oslo/transport.ts';
import { encodeReply, type ReceivedRequest, respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';
import { callTiming } from './call-timing.ts';

const REQUEST = RpcRequest.of({ method: 'rpc_ping', args: {}, version: '1.0', context: {} });

let broker: TestBroker;
let server: ConfirmChannel;
let client: RpcClient;

beforeAll(async () => {
  broker = await TestBroker.create();
  server = await broker.channel();
});
afterAll(() => broker.delete());
beforeEach(async () => {
  client = (await openTransport(await broker.connect(), () => undefined)).client;
});

async function guest(onRequest: (request: ReceivedRequest) => void = () => undefined) {
  const id = randomUUID();
  await respond(server, id, onRequest);
  return { exchange: 'trove', topic: `guestagent.${id}` };
}

/** Calls that nobody answers. */
async function silentCalls(count: number, timeoutMs: number): Promise<Promise<unknown>[]> {
  const target = await guest();
  return Array.from({ length: count }, () => client.call(target, REQUEST, callTiming(timeoutMs)).result);
}

async function expectTimeouts(calls: readonly Promise<unknown>[]): Promise<void> {
  for (const call of await Promise.allSettled(calls))
    expect(call).toMatchObject({ reason: { name: 'MessagingTimeout' } });
}

test('a server that has seen one id answers no other call by trying those that follow', async () => {
  const seen = Promise.withResolvers<string>();
  const known = await guest(({ message, reply }) => {
    seen.resolve(String(message['_msg_id']));
    reply();
  });
  await client.call(known, REQUEST, callTiming(30_000)).result;
  const first = BigInt(`0x${await seen.promise}`);
  const calls = await silentCalls(10, 2000);
  for (let next = 1n; next <= 1000n; next++) {
    const msgId = ((first + next) % 2n ** 128n).toString(16).padStart(32, '0');
    server.sendToQueue(client.replyQueue, Buffer.from(encodeReply(msgId)));
  }
  await server.waitForConfirms();
  await expectTimeouts(calls);
});

test('none of a hundred thousand replies with guessed ids counts while a thousand calls run', async () => {
  const target = await guest();
  const settled: unknown[] = [];
  const calls = Array.from({ length: 1000 }, () =>
    client.call(target, REQUEST, callTiming(600_000, { silentAfterMs: 600_000 })),
  );
  for (const { result } of calls)
    result.then(
      (value) => settled.push(value),
      (error) => settled.push(error),
    );
  for (let sent = 0; sent < 100_000; sent++) {
    server.sendToQueue(client.replyQueue, Buffer.from(encodeReply(randomBytes(16).toString('hex'))));
    if (sent % 5000 === 0) await server.waitForConfirms();
  }
  await server.waitForConfirms();
  const alive = await guest(({ reply }) => reply()); // whose reply is behind all those
  await expect(client.call(alive, REQUEST, callTiming(30_000)).result).resolves.toBe(true);
  expect(settled).toEqual([]);
  for (const call of calls) call.reject(new Error('over'));
}, 60_000);

test('the recorded answer to a call does not count for the next one', async () => {
  const recorded: string[] = [];
  const target = await guest(({ message, replyRaw }) => {
    if (recorded.length === 0) recorded.push(encodeReply(String(message['_msg_id'])));
    replyRaw(recorded[0] ?? '');
  });
  await expect(client.call(target, REQUEST, callTiming(30_000)).result).resolves.toBe(true);
  await expectTimeouts([client.call(target, REQUEST, callTiming(500)).result]);
});

test('two hundred long replies that belong to nobody keep no call from its own', async () => {
  const nested = Buffer.from(`{"oslo.version": "2.0", "oslo.message": "${'['.repeat(1_000_000)}"}`);
  const target = await guest(({ reply }) => reply());
  for (let sent = 0; sent < 200; sent++) server.sendToQueue(client.replyQueue, nested);
  const calls = Array.from({ length: 300 }, () => client.call(target, REQUEST, callTiming(4000)).result);
  await expect(Promise.all(calls)).resolves.toEqual(calls.map(() => true));
});
