import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConfirmChannel, Options } from 'amqplib';
import { RabbitMqServer } from '../infra/local/parts/rabbitmq.ts';
import { TemporaryFolder } from '../infra/local/parts/temporary-folder.ts';
import { GUEST_QUEUES } from './setup/guest-queues.ts';
import { HealthCheckUnderTest, NO_TIME_TO_RETURN_MS } from './setup/health-check-under-test.ts';
import { type ReceivedRequest, respond } from './setup/responder.ts';
import { TestBroker } from './setup/test-broker.ts';

// Who belongs to the fleet, on a broker of its own that restarts: what RabbitMQ forgets, the saved state knows.

let rabbit: RabbitMqServer;
let broker: TestBroker;
let stack: AsyncDisposableStack;
let agents: Agent[];

beforeAll(async () => {
  rabbit = await RabbitMqServer.start();
}, 60_000);
afterAll(() => rabbit.stop());
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  broker = await TestBroker.create(rabbit);
  agents = Array.from({ length: 6 }, () => new Agent());
});
afterEach(() => stack.disposeAsync());

/** A guest's agent, with a connection of its own. */
class Agent {
  readonly id = randomUUID();
  #channel: ConfirmChannel | undefined;

  get queue(): string {
    return `guestagent.${this.id}`;
  }

  /**
   * @param options of a queue that differs from other guests'
   * @param lost how many requests it loses before it answers
   */
  async live(options?: Options.AssertQueue, lost = 0): Promise<void> {
    this.#channel = await broker.channel();
    let received = 0;
    const answer = (request: ReceivedRequest) => ++received > lost && request.reply();
    await respond(this.#channel, this.id, answer, 'trove', options);
  }

  async die(): Promise<void> {
    await this.#channel?.close();
  }
}

function healthCheck(path: string, more: Record<string, string> = {}): Promise<HealthCheckUnderTest> {
  return HealthCheckUnderTest.start({
    BROKER_URL: broker.url,
    BROKER_MANAGEMENT_URL: broker.managementUrl,
    RPC_TIMEOUT_SECONDS: '2',
    NO_CONSUMER_GRACE_SECONDS: '0.2',
    FLEET_STATE_URL: pathToFileURL(path).href,
    UNREACHABLE_AFTER_SWEEPS: '1',
    ...more,
  });
}

function statePath(): string {
  return stack.adopt(new TemporaryFolder('fleet-memory'), (folder) => folder.remove()).file('fleet.json');
}

async function restart(): Promise<void> {
  await rabbit.crash();
  await rabbit.boot();
}

const ids = (of: readonly Agent[]) => new Set(of.map(({ id }) => id));
const silent = ({ unreachable_guests: guests }: { unreachable_guests: readonly { instance_id: string }[] }) =>
  new Set(guests.map(({ instance_id: id }) => id));

describe('a broker that restarts', () => {
  test('a guest that had died before is still unreachable after, since the same moment', async () => {
    const [dead = new Agent(), ...alive] = agents;
    await Promise.all(agents.map((agent) => agent.live()));
    const check = stack.use(await healthCheck(statePath()));
    await check.sweep();
    await dead.die();
    const { summary: before } = await check.sweep({}, NO_TIME_TO_RETURN_MS);
    expect(before).toMatchObject({ reachable: 5, unreachable: 1 });
    await restart();
    for (const agent of alive) await agent.live();
    const { summary: after } = await check.sweep();
    expect(after).toMatchObject({ reachable: 5, unreachable: 1 });
    const { since } = before.unreachable_guests[0] ?? {};
    expect(after.unreachable_guests).toMatchObject([{ instance_id: dead.id, since }]);
    expect(after.changes?.map(({ change }) => change)).toEqual(
      GUEST_QUEUES === 'transient' ? ['reason_changed'] : [], // the queue is gone, too
    );
  }, 180_000);

  test('guests that do not return count, first as unknown while the exchange is missing, and the fleet has shrunk', async () => {
    await Promise.all(agents.map((agent) => agent.live()));
    const check = stack.use(await healthCheck(statePath()));
    await check.sweep();
    await restart();
    const first = await check.sweep({}, NO_TIME_TO_RETURN_MS);
    await new Agent().live(); // with the first guest comes the exchange
    const second = await check.sweep({}, NO_TIME_TO_RETURN_MS);
    if (GUEST_QUEUES === 'transient')
      expect(first.summary).toMatchObject({ checked: 0, unknown: 6, error: { code: 'exchange_missing' } });
    expect(second.summary).toMatchObject({ reachable: 1, unreachable: 6, error: { code: 'fleet_shrank' } });
    expect(silent(second.summary)).toEqual(ids(agents));
    const { summary } = GUEST_QUEUES === 'transient' ? second : first;
    expect(summary.changes_sentence).toMatch(/^6 of 6 guests that answered before do not answer; 6 guests/);
    for (const { metrics } of [first, second])
      expect(metrics).toContainEqual(expect.objectContaining({ FleetShrank: 1 }));
    expect(second.metrics).toContainEqual(expect.objectContaining({ SweepComplete: 1 }));
  }, 180_000);

  test('guests that return within seconds are not unreachable, though one loses the ping that it meets', async () => {
    await Promise.all(agents.map((agent) => agent.live()));
    const path = statePath();
    const first = await healthCheck(path);
    await first.sweep();
    await first[Symbol.asyncDispose]();
    await restart();
    const settings = { RPC_TIMEOUT_SECONDS: '10' }; // agents are no longer waited for when that ping is given up
    const check = stack.use(await healthCheck(path, settings)); // a process that knows of no restart
    const sweep = check.sweep();
    for (const [index, agent] of agents.entries()) {
      await setTimeout(500);
      await agent.live(undefined, index === 0 ? 1 : 0);
    }
    const { summary } = await sweep;
    expect(summary).toMatchObject({ checked: 6, reachable: 6, changes: [] });
    expect(summary).not.toHaveProperty('error');
  }, 180_000);
});

test('a guest whose queue went with its agent, at once or by its expiry, is unreachable until it is forgotten', async () => {
  const [deleted = new Agent(), expired = new Agent(), ...alive] = agents;
  for (const agent of alive) await agent.live();
  await deleted.live({ autoDelete: true });
  await expired.live({ expires: 200 });
  const check = stack.use(await healthCheck(statePath()));
  expect((await check.sweep()).summary).toMatchObject({ reachable: 6 });
  for (const dead of [deleted, expired]) await dead.die();
  await setTimeout(500); // the queues are gone, too
  const { summary } = await check.sweep({}, NO_TIME_TO_RETURN_MS);
  expect(summary).toMatchObject({ reachable: 4, unreachable_by_reason: { queue_missing: 2 } });
  expect(silent(summary)).toEqual(ids([deleted, expired]));
  for (const event of [{ forget: [deleted.id] }, {}])
    expect((await check.sweep(event)).summary).toMatchObject({ checked: 5, unreachable: 1 });
}, 60_000);

describe('nobody', () => {
  test('a virtual host without guests is never a success', async () => {
    const check = stack.use(await healthCheck(statePath()));
    const { summary, metrics } = await check.sweep();
    expect(summary).toMatchObject({ checked: 0, error: { code: 'fleet_empty' } });
    expect(metrics).toContainEqual(expect.objectContaining({ SweepComplete: 1, FleetShrank: 0 }));
  });
});

describe('a dead guest', () => {
  test('a guest whose queue nobody consumes is asked about, and gets no more pings', async () => {
    const [dead = new Agent(), ...alive] = agents;
    for (const agent of agents) await agent.live();
    await dead.die();
    const channel = await broker.channel();
    const prepare = Buffer.from(JSON.stringify({ 'oslo.message': '{"_reply_q":"nowhere"}' }));
    channel.sendToQueue(dead.queue, prepare); // without an expiration, it keeps the pings behind it
    await channel.waitForConfirms();
    const check = stack.use(await healthCheck(statePath()));
    for (const _ of [1, 2, 3])
      expect((await check.sweep()).summary).toMatchObject({ unreachable_by_reason: { no_consumer: 1 } });
    expect((await channel.checkQueue(dead.queue)).messageCount).toBe(2); // of the first sweep, which knew of nobody
    await dead.live();
    expect((await check.sweep()).summary).toMatchObject({ reachable: alive.length + 1 });
  }, 180_000);
});
