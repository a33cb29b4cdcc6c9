import { randomUUID } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Channel } from 'amqplib';
import { topicOf } from '../../functions/guest/topic.ts';
import { type Answer, FunctionUnderTest } from '../setup/function-under-test.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { peakMemoryMb } from '../setup/peak-memory.ts';
import { LONG, writeLongsAsPyAmqp } from '../setup/py-amqp.ts';
import { encodeReply, type ReceivedRequest, respond } from '../setup/responder.ts';
import { ResponderFleet } from '../setup/responder-fleet.ts';
import { TestBroker } from '../setup/test-broker.ts';

/** Makes a guest that is odd. */
type Oddity = (channel: Channel, instanceId: string) => Promise<void>;

const GRANTED = { configure: '^reply_.*', read: '^reply_.*', write: '^(trove|guestagent\\..*)$' };

let broker: TestBroker;
let alive: string[];
let silent: string;
let stack: AsyncDisposableStack;

beforeAll(async () => {
  broker = await TestBroker.create();
  const fleet = new ResponderFleet(await broker.channel());
  alive = await fleet.add('reachable', 99);
  [silent = ''] = await fleet.add('no_reply', 1);
});
afterAll(() => broker.delete());
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

async function sweepOf(url: string, odd: string) {
  const check = stack.use(await HealthCheckUnderTest.start({ BROKER_URL: url, RPC_TIMEOUT_SECONDS: '5' }));
  return check.sweep({ instance_ids: [...alive, odd] }, 30_000);
}

test('a guest whose topic the user may not write to is broker_refused, and the other ninety-eight are reached', async () => {
  const url = await broker.user(GRANTED);
  const [forbidden = '', other = ''] = alive;
  await broker.permitTopics(new URL(url).username, 'trove', `^(?!guestagent.${forbidden}$).*`);
  const fn = stack.use(await FunctionUnderTest.start({ BROKER_URL: url, RPC_TIMEOUT_SECONDS: '5' }));
  const pings = await Promise.all([other, forbidden, other, forbidden].map((id) => fn.ping(id)));
  expect(pings.map(({ status }) => status)).toEqual([204, 400, 204, 400]);
  expect(pings[1]?.body).toContain("no topic permission for this guest's key");
  const { log } = await fn.telemetry(forbidden);
  expect(log[0]).toMatchObject({
    reason: 'broker_refused',
    broker_said: expect.stringContaining('access to topic'),
  });
  const { summary, reasons } = await sweepOf(url, silent);
  expect(summary).toMatchObject({ checked: 100, reachable: 98, broker_reachable: true });
  expect(summary).not.toHaveProperty('error');
  expect(reasons).toEqual(
    new Map([
      [forbidden, 'broker_refused'],
      [silent, 'no_reply'],
    ]),
  );
});

test('a limit of three channels leaves each ping its verdict: three at once, and a sweep', async () => {
  const limited = async () => {
    const url = await broker.user(GRANTED);
    await broker.request('PUT', `user-limits/${new URL(url).username}/max-channels`, { value: 3 });
    return url;
  };
  const swept = sweepOf(await limited(), silent);
  const [id = ''] = alive;
  const settings = { BROKER_URL: await limited(), RPC_TIMEOUT_SECONDS: '5' };
  const fn = stack.use(await FunctionUnderTest.start(settings));
  const pings = await Promise.all([id, silent, id].map((guest) => fn.ping(guest)));
  expect(pings.map(({ status }) => status)).toEqual([204, 400, 204]);
  expect(pings[1]?.headers.get('proxy-status')).toContain('details="no_reply"');
  expect(await fn.ping(id)).toMatchObject({ status: 204 });
  const { summary, reasons } = await swept;
  expect(summary).toMatchObject({ checked: 100, reachable: 99 });
  expect(reasons).toEqual(new Map([[silent, 'no_reply']]));
});

describe('an odd guest has its own verdict, and ninety-nine others theirs:', () => {
  const parts = new AsyncDisposableStack();
  let fn: FunctionUnderTest;
  let check: HealthCheckUnderTest;

  beforeAll(async () => {
    const settings = { BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: '5' };
    fn = parts.use(await FunctionUnderTest.start(settings));
    check = parts.use(await HealthCheckUnderTest.start(settings));
  });
  afterAll(() => parts.disposeAsync());

  const pong = ({ message }: ReceivedRequest, fields = {}) => encodeReply(String(message['_msg_id']), fields);
  const failure = JSON.stringify({ class: 'ValueError', module: 'builtins', message: 'x'.repeat(1_200_000) });
  const zlib = 'application/x-gzip';
  const bomb = deflateSync(Buffer.alloc(50_000_000));

  /** Integers in its headers are written as py-amqp writes them. */
  const answering =
    (answer: (request: ReceivedRequest) => void): Oddity =>
    async (channel, id) => {
      writeLongsAsPyAmqp(channel);
      await respond(channel, id, answer);
    };
  const withoutQueue: Oddity = async (channel) => {
    await channel.assertQueue('audit');
    await channel.bindQueue('audit', 'trove', '#');
    stack.defer(async () => void (await channel.deleteQueue('audit')));
  };
  const onAnotherExchange: Oddity = async (channel, id) => {
    await channel.assertExchange('openstack', 'topic');
    await channel.assertQueue(topicOf(id));
    await channel.bindQueue(topicOf(id), 'openstack', topicOf(id));
    await channel.consume(topicOf(id), () => undefined);
  };

  test.each<[what: string, oddity: Oddity, verdict: string]>([
    ['compressed', answering((r) => r.replyRaw(deflateSync(pong(r)), compressed(zlib))), '204'],
    [
      'compressed as Node cannot',
      answering((r) => r.replyRaw(pong(r), compressed('application/x-bz2'))),
      'bad_reply',
    ],
    ['a bomb', answering((r) => r.replyRaw(bomb, compressed(zlib))), 'bad_reply'],
    ['with a header that amqplib cannot decode', answering((r) => r.reply({}, { headers: LONG })), '204'],
    ['with an empty compression', answering((r) => r.replyRaw(pong(r), compressed(''))), '204'],
    ['garbage that names no call', answering((r) => r.replyRaw('nonsense')), 'bad_reply'],
    ['an exception of 1.2 MB', answering((r) => r.replyRaw(pong(r, { result: null, failure }))), 'bad_reply'],
    ['without a queue, where one takes all messages', withoutQueue, 'queue_missing'],
    ['on another exchange', onAnotherExchange, 'queue_missing'],
  ])('%s', async (_what, oddity, verdict) => {
    const odd = randomUUID();
    await oddity(await broker.channel(), odd);
    const [one = '', two = ''] = alive;
    const verdicts = await Promise.all([fn.ping(odd), ...[one, odd, two].map((id) => fn.ping(id))]);
    expect(verdicts.map(verdictIn)).toEqual([verdict, '204', verdict, '204']);
    const { summary, reasons } = await check.sweep({ instance_ids: [...alive, odd] });
    expect(summary).toMatchObject({ checked: 100, reachable: verdict === '204' ? 100 : 99 });
    expect(reasons).toEqual(new Map(verdict === '204' ? [] : [[odd, verdict]]));
  });
});

function compressed(compression: string) {
  return { headers: { compression } };
}

function verdictIn({ status, headers }: Answer): string {
  return /details="(\w+)"/.exec(headers.get('proxy-status') ?? '')?.[1] ?? String(status);
}

test('a guest that floods the replies with messages as long as the stack lets a broker take is bad_reply, within 256 MB', async () => {
  const giant = randomUUID();
  const result = '['.repeat(4 * 1024 * 1024 - 1024);
  await respond(await broker.channel(), giant, ({ message, replyRaw }) => {
    const reply = encodeReply(String(message['_msg_id']), { result });
    for (let times = 0; times < 10; times++) replyRaw(reply);
  });
  const fn = stack.use(await FunctionUnderTest.start({ BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: '5' }));
  const pings = await Promise.all([giant, ...alive.slice(0, 8), giant].map((id) => fn.ping(id)));
  expect(pings.map(({ status }) => status)).toEqual([400, 204, 204, 204, 204, 204, 204, 204, 204, 400]);
  expect(pings[0]?.headers.get('proxy-status')).toContain('details="bad_reply"');
  const check = stack.use(await HealthCheckUnderTest.start({ BROKER_URL: broker.url }));
  const { summary, reasons } = await check.sweep({ instance_ids: [...alive, giant] });
  expect([summary.reachable, reasons.get(giant)]).toEqual([99, 'bad_reply']);
  const [one = ''] = alive; // whose reply is behind the flood
  expect(await fn.ping(one)).toMatchObject({ status: 204 });
  expect(await check.sweep({ instance_ids: [one] })).toMatchObject({ summary: { reachable: 1 } });
  for (const { lambda } of [fn, check]) expect(peakMemoryMb(lambda.pid)).toBeLessThan(256);
});
