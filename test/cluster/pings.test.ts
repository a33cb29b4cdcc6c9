import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { eventually } from '../setup/eventually.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { PlacedGuests } from './placed-guests.ts';
import { RabbitMqCluster } from './rabbitmq-cluster.ts';

const LONG_MS = 120_000;

let cluster: RabbitMqCluster;
let first: RabbitMqServer;
let second: RabbitMqServer;
let third: RabbitMqServer;
let stack: AsyncDisposableStack;

beforeAll(async () => {
  cluster = await RabbitMqCluster.start();
  [first, second, third] = cluster.nodes;
}, LONG_MS);
afterAll(() => cluster.stop());

beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(async () => {
  await stack.disposeAsync();
  await cluster.heal();
}, LONG_MS);

function guests(): PlacedGuests {
  return stack.adopt(new PlacedGuests(), (placed) => placed.end());
}

/** The function, with its connection to that node; a later connection goes to any. */
async function connectedTo(node: RabbitMqServer): Promise<FunctionUnderTest> {
  cluster.balancer.serve([node.url]);
  const fn = stack.use(await FunctionUnderTest.start({ BROKER_URL: cluster.url, RPC_TIMEOUT_SECONDS: '15' }));
  await fn.ping('00000000-0000-4000-8000-00000000dead'); // the connection is there
  cluster.balancer.serve(cluster.nodes.map(({ url }) => url));
  return fn;
}

/** The reason, or 204, with how long the answer took, which the run prints for the runbook. */
async function verdict(fn: FunctionUnderTest, id: string, what: string): Promise<string> {
  const begin = performance.now();
  const { status, headers } = await fn.ping(id);
  const reason = /details="(\w+)"/.exec(headers.get('proxy-status') ?? '')?.[1] ?? String(status);
  console.info(`${what}: ${reason} after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  return reason;
}

const FAULTS: [string, (node: RabbitMqServer) => Promise<void>][] = [
  ['killed', (node) => node.crash()],
  ['frozen', async (node) => node.signal('SIGSTOP')],
  ['cut off', (node) => cluster.cutOff(node)],
];

describe.each(FAULTS)('with a node that is %s', (how, fail) => {
  // First: RabbitMQ takes longer to suspect a node that has been frozen before, and so to elect another leader.
  test.each(['leader', 'member'] as const)(
    `a guest whose quorum queue has a %s on the node that is ${how} is reached`,
    async (role) => {
      const [id = ''] = await guests().add('quorum', 1, role === 'leader' ? second : third, third);
      const fn = await connectedTo(first);
      await fail(second);
      expect(await verdict(fn, id, `quorum queue with a ${role} on a node that is ${how}`)).toBe('204');
    },
    LONG_MS,
  );

  test.each(['durable', 'transient'] as const)(
    `a ping of a guest whose %s queue is on the node that is ${how} says queue_down`,
    async (queues) => {
      const placed = guests();
      const [there = ''] = await placed.add(queues, 1, second);
      const [elsewhere = ''] = await placed.add(queues, 1, third);
      const fn = await connectedTo(first);
      await fail(second);
      expect(await verdict(fn, there, `${queues} queue on a node that is ${how}`)).toBe('queue_down');
      expect(await verdict(fn, elsewhere, `its neighbour on another node`)).toBe('204');
    },
    LONG_MS,
  );
});

describe.each(FAULTS.filter(([how]) => how !== 'cut off'))("with the function's own node %s", (how, fail) => {
  test(
    `a guest on another node is reached when the function's own node is ${how} while idle`,
    async () => {
      const [id = ''] = await guests().add('durable', 1, third);
      const fn = await connectedTo(first);
      await fail(first);
      expect(await verdict(fn, id, `own node ${how} while idle`)).toBe('204');
    },
    LONG_MS,
  );

  const whatIsTrue = how === 'frozen' ? /^(204|no_reply)$/ : /^204$/; // its agent's answer may be held up for good
  test(
    `a guest on another node is reached when the function's own node is ${how} in mid-ping`,
    async () => {
      const placed = guests();
      const [id = ''] = await placed.add('durable', 1, third);
      const fn = await connectedTo(first);
      let isFailed = false;
      placed.onRequest = () => {
        if (!isFailed) void fail(first);
        isFailed = true;
      };
      expect(await verdict(fn, id, `own node ${how} in mid-ping`)).toMatch(whatIsTrue);
    },
    LONG_MS,
  );
});

test(
  'a guest on another node is queue_down to a function whose own node is cut off from the others, until that has passed',
  async () => {
    const [id = ''] = await guests().add('durable', 1, third);
    const fn = await connectedTo(first);
    await cluster.cutOff(first);
    expect(await verdict(fn, id, 'own node cut off')).toBe('queue_down');
    await cluster.heal();
    await eventually(
      () => verdict(fn, id, 'own node back'),
      (reason) => reason === '204',
      60_000,
    );
  },
  LONG_MS,
);

test(
  'a ping of a guest whose quorum queue has lost its majority says queue_down, and is answered when it is back',
  async () => {
    const [id = ''] = await guests().add('quorum', 1, first, first);
    const fn = await connectedTo(first);
    await Promise.all([second.crash(), third.crash()]);
    expect(await verdict(fn, id, 'quorum queue without a majority')).toBe('queue_down');
    cluster.balancer.serve([first.url]);
    const late = stack.use(await FunctionUnderTest.start({ BROKER_URL: cluster.url }));
    const { body } = await late.ping(id);
    console.info(`connected without a majority: ${body}`);
    expect(body).toContain('a cluster without a majority');
    cluster.balancer.serve(cluster.nodes.map(({ url }) => url));
    await Promise.all([second.boot(), third.boot()]);
    await eventually(
      () => verdict(fn, id, 'quorum queue with a majority again'),
      (reason) => reason === '204',
      60_000,
    );
  },
  LONG_MS,
);
