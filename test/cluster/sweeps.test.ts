import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { PlacedGuests } from './placed-guests.ts';
import { RabbitMqCluster } from './rabbitmq-cluster.ts';

const LONG_MS = 120_000;
const RPC_TIMEOUT_SECONDS = 15;
/** A sweep that takes longer than twice a single ping's deadline leaves guests unknown. */
const TIME_FOR_A_SWEEP_MS = 2 * RPC_TIMEOUT_SECONDS * 1000;

let cluster: RabbitMqCluster;
let first: RabbitMqServer;
let second: RabbitMqServer;
let third: RabbitMqServer;
let stack: AsyncDisposableStack;
let placed: PlacedGuests;
/** Guests that are to be reached, whatever becomes of the second node; some of their quorum queues are led by that node. */
let elsewhere: string[];
/** Guests whose classic queues, durable and transient, are on the second node. */
let there: string[];

beforeAll(async () => {
  cluster = await RabbitMqCluster.start();
  [first, second, third] = cluster.nodes;
}, LONG_MS);
afterAll(() => cluster.stop());

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  placed = stack.adopt(new PlacedGuests(), (guests) => guests.end());
  there = [...(await placed.add('durable', 50, second)), ...(await placed.add('transient', 50, second))];
  elsewhere = [
    ...(await placed.add('durable', 100, first)),
    ...(await placed.add('durable', 80, third)),
    ...(await placed.add('quorum', 20, second, third)),
  ];
}, LONG_MS);
afterEach(async () => {
  await stack.disposeAsync();
  await cluster.heal();
  await PlacedGuests.forget(first, [...there, ...elsewhere]);
}, LONG_MS);

async function healthCheck(more: Record<string, string> = {}): Promise<HealthCheckUnderTest> {
  cluster.balancer.serve([first.url]);
  const settings = { BROKER_URL: cluster.url, BROKER_MANAGEMENT_URL: cluster.managementUrl };
  const check = await HealthCheckUnderTest.start({
    ...settings,
    ...more,
    RPC_TIMEOUT_SECONDS: String(RPC_TIMEOUT_SECONDS),
  });
  stack.use(check);
  await check.sweep({ instance_ids: ['00000000-0000-4000-8000-00000000dead'] }); // the connection is there
  cluster.balancer.serve([second, third, first].map(({ url }) => url)); // the next connection
  return check;
}

const FAULTS: [string, (node: RabbitMqServer) => Promise<void>][] = [
  ['killed', (node) => node.crash()],
  ['frozen', async (node) => node.signal('SIGSTOP')],
  ['cut off', (node) => cluster.cutOff(node)],
];

describe.each(FAULTS)('with a node that is %s', (how, fail) => {
  test(
    `a sweep finds 300 guests, reaches 200 on the living nodes, and calls 100 on the node that is ${how} queue_down`,
    async () => {
      const check = await healthCheck();
      await fail(second);
      cluster.managementBalancer.serve([second, first, third].map(({ managementUrl }) => managementUrl));
      const { summary, reasons } = await check.sweep({}, TIME_FOR_A_SWEEP_MS);
      console.info(
        `sweep with a node ${how}: ${JSON.stringify({ ...summary, unreachable_guests: undefined })}`,
      );
      expect(summary).toMatchObject({ reachable: 200, unreachable: 100, unknown: 0, broker_reachable: true });
      expect(new Set(there.map((id) => reasons.get(id)))).toEqual(new Set(['queue_down']));
      expect(summary).not.toHaveProperty('error');
    },
    LONG_MS,
  );

  test(
    `a sweep in whose midst a node is ${how} blames no guest on the living nodes`,
    async () => {
      const check = await healthCheck();
      const asked = new Set<string>();
      let failing: Promise<void> | undefined;
      placed.onRequest = (id) => {
        if (asked.add(id).size >= 100) failing ??= fail(second);
      };
      const ids = elsewhere.flatMap((id, index) => [id, there[index] ?? []].flat());
      const { summary, reasons } = await check.sweep({ instance_ids: ids }, TIME_FOR_A_SWEEP_MS);
      await failing;
      console.info(
        `sweep, node ${how} in its midst: ${JSON.stringify({ ...summary, unreachable_guests: undefined })}`,
      );
      expect(elsewhere.filter((id) => reasons.has(id))).toEqual([]);
      expect(summary).toMatchObject({ unknown: 0, broker_reachable: true });
      for (const id of there)
        expect([undefined, 'queue_down', 'no_consumer', 'no_reply']).toContain(reasons.get(id));
    },
    LONG_MS,
  );

  test(
    `a sweep goes on over another node when its own is ${how}`,
    async () => {
      const check = await healthCheck();
      let failing: Promise<void> | undefined;
      const asked = new Set<string>();
      placed.onRequest = (id) => {
        if (asked.add(id).size >= 50) failing ??= fail(first);
      };
      const ids = [...there, ...elsewhere.slice(100)]; // none of their queues on that node
      const { summary } = await check.sweep({ instance_ids: ids }, TIME_FOR_A_SWEEP_MS);
      await failing;
      console.info(
        `sweep, own node ${how}: ${JSON.stringify({ ...summary, unreachable_guests: undefined })}`,
      );
      expect(summary).toMatchObject({ unknown: 0, broker_reachable: true });
    },
    LONG_MS,
  );
});

// Not of a frozen one: the management API then lists no queues in time.
test.each(FAULTS.filter(([how]) => how !== 'frozen'))(
  'what has changed begins with the node that is %s',
  async (_how, fail) => {
    const folder = stack.adopt(new TemporaryFolder('cluster'), (each) => each.remove());
    const FLEET_STATE_URL = pathToFileURL(folder.file('state.json')).href;
    const check = await healthCheck({ FLEET_STATE_URL, UNREACHABLE_AFTER_SWEEPS: '1' });
    expect((await check.sweep({})).summary).toMatchObject({ reachable: 300 });
    await fail(second);
    cluster.managementBalancer.serve([first, second, third].map(({ managementUrl }) => managementUrl));
    const { summary } = await check.sweep({}, TIME_FOR_A_SWEEP_MS);
    const sentence = `unreachable guests have their queue on ${second.nodeName}, since `;
    expect(summary.changes_sentence).toContain(sentence);
  },
  LONG_MS,
);
