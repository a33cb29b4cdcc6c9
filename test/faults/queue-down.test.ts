import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { makeDownedQueue } from '../../infra/local/demo/downed-queue.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { ResponderFleet } from '../setup/responder-fleet.ts';
import { SHARED_RABBIT, TestBroker } from '../setup/test-broker.ts';

let broker: TestBroker;
let alive: string[];
const downed = randomUUID();
const full = randomUUID();

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

beforeAll(async () => {
  broker = await TestBroker.create();
  const channel = await broker.channel();
  alive = await new ResponderFleet(channel).add('reachable', 20);
  await makeDownedQueue(SHARED_RABBIT, 'trove', downed, broker.vhost);
  const queue = `guestagent.${full}`;
  await channel.assertQueue(queue, { durable: true, maxLength: 1, overflow: 'reject-publish' });
  await channel.bindQueue(queue, 'trove', queue);
  channel.sendToQueue(queue, Buffer.from('the queue is full with this'));
  await channel.waitForConfirms();
});
afterAll(() => broker.delete());

async function ping(id: string) {
  const fn = stack.use(await FunctionUnderTest.start({ BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: '5' }));
  return { answer: await fn.ping(id), telemetry: await fn.telemetry(id) };
}

test('a full queue that rejects the ping is broker_refused, since that queue is not down', async () => {
  const { answer } = await ping(full);
  expect(answer.headers.get('proxy-status')).toContain('details="broker_refused"');
  expect(answer.body).toContain('basic.nack');
});

test('a queue that may hold nothing is queue_down, whose text names the limit, too', async () => {
  const id = randomUUID();
  const queue = `guestagent.${id}`;
  const channel = await broker.channel();
  await channel.assertQueue(queue, { durable: true, maxLength: 0, overflow: 'reject-publish' });
  await channel.bindQueue(queue, 'trove', queue);
  const { answer } = await ping(id);
  await channel.deleteQueue(queue);
  expect(answer.headers.get('proxy-status')).toContain('details="queue_down"');
  expect(answer.body).toContain('is down, or whose limit of length is reached');
});

test('a queue whose broker node is down is queue_down at once, in answer, log and metrics, as documented', async () => {
  const { answer, telemetry } = await ping(downed);
  expect(answer.status).toBe(400);
  expect(answer.headers.get('proxy-status')).toBe(
    'guest-rpc-ping; error=destination_unavailable; details="queue_down"',
  );
  const document = JSON.parse(
    readFileSync(join(import.meta.dirname, '..', '..', 'infra', 'openapi.json'), 'utf8'),
  );
  expect(JSON.stringify(document)).toContain(
    JSON.stringify(JSON.parse(answer.body.replace(downed, '00000000-0000-4000-8000-000000000001'))),
  );
  expect(telemetry.log).toMatchObject([{ outcome: 'unreachable', reason: 'queue_down' }]);
  expect(telemetry.metrics).toMatchObject([{ GuestsUnreachable: 1, Reason: 'queue_down' }]);
});

test('a queue that is down costs the other guests of a sweep nothing', async () => {
  const settings = { BROKER_URL: broker.url, BROKER_MANAGEMENT_URL: broker.managementUrl };
  const check = stack.use(await HealthCheckUnderTest.start({ ...settings, RPC_TIMEOUT_SECONDS: '5' }));
  const { summary, reasons } = await check.sweep();
  expect(summary).toMatchObject({ reachable: alive.length, unknown: 0, broker_reachable: true });
  expect(Object.fromEntries(reasons)).toEqual({ [downed]: 'queue_down', [full]: 'broker_refused' });
  expect(summary).not.toHaveProperty('error');
});
