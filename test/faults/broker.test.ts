import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { eventually } from '../setup/eventually.ts';
import { type Answer, FunctionUnderTest } from '../setup/function-under-test.ts';
import { GUEST_QUEUES } from '../setup/guest-queues.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { setMemoryAlarm } from '../setup/memory-alarm.ts';
import { expectExample } from '../setup/openapi.ts';
import { ResponderFleet } from '../setup/responder-fleet.ts';
import { TcpProxy } from '../setup/tcp-proxy.ts';
import { TestBroker } from '../setup/test-broker.ts';

/** Runs where Debian's packages can be installed: a RabbitMQ of this file's own, and real Trove guests. */
const isPossible = !process.env['TEST_WITHOUT_TROVE'];
const interop = isPossible ? describe : describe.skip;

const EVERYTHING = { configure: '.*', write: '.*', read: '.*' };

let rabbit: RabbitMqServer;
let broker: TestBroker;
let guests: TroveGuests;
let fn: FunctionUnderTest | undefined;
const alive = randomUUID();

beforeAll(async () => {
  if (!isPossible) return;
  rabbit = await RabbitMqServer.start(['heartbeat = 2']);
  broker = await TestBroker.create(rabbit);
  const host = await TroveGuests.host({
    brokerUrl: broker.url,
    queues: GUEST_QUEUES,
    // The short heartbeat is for the function alone: a busy guest that misses two would lose its consumer.
    rabbitOptions: { heartbeat_timeout_threshold: 0 },
  });
  if (!host) throw new Error('No Trove guests here');
  guests = host;
  await guests.start(alive);
}, 120_000);
afterAll(async () => {
  await guests?.end();
  await rabbit?.stop();
});
afterEach(async () => {
  await fn?.end();
  fn = undefined;
});

async function start(): Promise<FunctionUnderTest> {
  fn = await FunctionUnderTest.start({ BROKER_URL: broker.url });
  return fn;
}

function reasonOf({ status, body }: Answer): string {
  return status === 204 ? '204' : body.replace(/^.*guest: (The broker [a-z ]*[a-z]).*$/, '$1');
}

/** Waits until a guest has taken a ping of the tenant of its own name. */
async function isPinged(id: string): Promise<void> {
  await eventually(
    async () => guests.log,
    (log) => log.includes(`Pinged for project ${id}`),
  );
}

// At the same time, since each waits until the broker has missed two heartbeats.
(isPossible ? test.concurrent : test.concurrent.skip).each([
  ['between two pings', 'is sound'],
  ['during a ping', 'is sound'],
  ['between two pings', 'swallows all packets meanwhile'],
  ['during a ping', 'swallows all packets meanwhile'],
])('a process stopped past the heartbeat %s, whose path %s, reaches the guest', async (when, how) => {
  await using stack = new AsyncDisposableStack();
  const url = await broker.user(EVERYTHING);
  const path = stack.adopt(await TcpProxy.to(url), (made) => made.close());
  const isSound = how === 'is sound';
  const under = stack.use(await FunctionUnderTest.start({ BROKER_URL: isSound ? url : path.url(url) }));
  const { username } = new URL(url);
  const connections = async () => {
    const all = (await broker.list('connections')) as { user?: string }[];
    return all.filter(({ user }) => user === username).length;
  };
  const slow = randomUUID();
  await guests.start(slow, { delay: 1 });
  expect(await under.ping(alive)).toMatchObject({ status: 204 });
  await eventually(connections, (count) => count === 1);

  const answer = when === 'during a ping' ? under.ping(slow, slow) : undefined;
  if (answer) await isPinged(slow);
  if (!isSound) path.swallow();
  process.kill(under.lambda.pid, 'SIGSTOP');
  await eventually(connections, (count) => count === 0);
  process.kill(under.lambda.pid, 'SIGCONT');
  path.heal();
  expect(await (answer ?? under.ping(slow))).toMatchObject({ status: 204 });
});

(isPossible ? test : test.skip)(
  'a guest is reached after an operator has deleted the reply queue',
  async () => {
    const under = await start();
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    const ours = ({ name }: { name: string }) => name.startsWith('reply_');
    const [queue] = (
      await eventually(
        () => broker.list('queues'),
        (list) => list.filter(ours).length === 1,
      )
    ).filter(ours);
    const name = `rabbit_misc:r(<<"${broker.vhost}">>, queue, <<"${queue?.name}">>)`;
    await rabbit.eval(
      `{ok, Q} = rabbit_amqqueue:lookup(${name}), rabbit_amqqueue:delete(Q, false, false, <<"test">>)`,
    );
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
  },
);

interop('a memory alarm', () => {
  afterEach(() => setMemoryAlarm(rabbit, false));

  test('pings are broker_blocked, until it has cleared', async () => {
    const under = await start();
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    await setMemoryAlarm(rabbit, true);
    expect(reasonOf(await under.ping(alive))).toBe('The broker has blocked publishing');
    const { status, headers } = await under.ping(alive);
    const proxyStatus = 'guest-rpc-ping; error=destination_unavailable; details="broker_blocked"';
    expect([status, headers.get('proxy-status')]).toEqual([400, proxyStatus]);
    expect(headers.get('server-timing')).toMatch(/^unblocked;dur=[\d.]+;desc="broker_blocked"$/);
    const { metrics } = await under.telemetry(alive);
    expect(metrics.at(-1)).toMatchObject({ Reason: 'broker_blocked', GuestsUnreachable: 1 });
    await setMemoryAlarm(rabbit, false);
    await eventually(
      () => under.ping(alive),
      ({ status }) => status === 204,
    );
  });

  test('is broker_blocked, not broker_unreachable, also when the caller waits for one second', async () => {
    const under = await start();
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    await setMemoryAlarm(rabbit, true);
    expect(reasonOf(await under.ping(alive, 'tenant', { Prefer: 'wait=1' }))).toBe(
      'The broker has blocked publishing',
    );
    expect(reasonOf(await under.ping(alive, 'tenant', { Prefer: 'wait=1' }))).toBe(
      'The broker has blocked publishing',
    );
  });

  test('that begins during the wait for a guest is broker_blocked, not no_reply', async () => {
    const silent = randomUUID();
    await guests.start(silent, { delay: 86_400 });
    const under = await start();
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    const answer = under.ping(silent, silent);
    await isPinged(silent);
    await setMemoryAlarm(rabbit, true);
    expect(reasonOf(await answer)).toBe('The broker has blocked publishing');
  });

  test('that was raised before the function connected is broker_blocked, not no_reply', async () => {
    await setMemoryAlarm(rabbit, true);
    const under = await start();
    const answer = await under.ping(alive);
    expect(reasonOf(answer)).toBe('The broker has blocked publishing');
    expectExample(answer, 'broker_blocked'); // of the OpenAPI document
  });

  test('that begins in mid-sweep ends the sweep as broker_blocked, with the rest unknown until it clears', async () => {
    const fleet = new ResponderFleet(await broker.channel());
    // The guests that do not reply keep the sweep running until the alarm has come.
    const ids = [...(await fleet.add('reachable', 300)), ...(await fleet.add('no_reply', 300))];
    const settings = { BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: '20' };
    await using under = await HealthCheckUnderTest.start(settings);
    let alarm: Promise<unknown> | undefined;
    fleet.onRequest = () => {
      alarm ??= setMemoryAlarm(rabbit, true);
    };
    const { summary } = await under.sweep({ instance_ids: ids });
    await alarm;
    const still = await under.sweep({ instance_ids: ids });
    await setMemoryAlarm(rabbit, false);
    expect(still.summary).toMatchObject({ checked: 0, unknown: 600, error: { code: 'broker_blocked' } });
    expect(summary).toMatchObject({
      unreachable: 0,
      unknown: 600 - summary.reachable,
      broker_reachable: false,
      error: { code: 'broker_blocked' },
    });
    fleet.onRequest = () => undefined;
    const again = await under.sweep({ instance_ids: ids.slice(0, 300) });
    expect(again.summary).toMatchObject({ checked: 300, reachable: 300, unknown: 0 });
  });
});
