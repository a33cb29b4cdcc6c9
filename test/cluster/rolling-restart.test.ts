import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { eventually } from '../setup/eventually.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { RabbitMqCluster } from './rabbitmq-cluster.ts';

const LONG_MS = 300_000;
const PINGS = 2000;
const PACE_MS = 100;
const RPC_TIMEOUT_MS = 15_000;

/** What a ping may say of a guest that has lost its own connection, or whose queue's node restarts. */
const EXCUSABLE = /^(no_consumer|no_reply|queue_down|queue_missing)$/;

let cluster: RabbitMqCluster;
let guests: TroveGuests;
const guest: string = randomUUID();

beforeAll(async () => {
  cluster = await RabbitMqCluster.start();
  const host = await TroveGuests.host({ brokerUrl: cluster.url, queues: 'quorum' });
  if (host === undefined) throw new Error('No Trove guests here');
  guests = host;
  await guests.start(guest);
}, LONG_MS);
afterAll(async () => {
  await guests.end();
  await cluster.stop();
}, LONG_MS);

test(
  'two thousand pings of a real guest, while all three nodes are restarted in turn, end in time, and none blames the broker',
  async () => {
    await using fn = await FunctionUnderTest.start({ BROKER_URL: cluster.url });
    const verdicts = new Map<string, number>();
    const wrong: object[] = [];
    let count = 0;
    let isRestarting = false;
    let healthySince = performance.now();

    const ping = async () => {
      const begin = performance.now();
      const { status, headers } = await fn.ping(guest);
      const tookMs = performance.now() - begin;
      const verdict = /details="(\w+)"/.exec(headers.get('proxy-status') ?? '')?.[1] ?? String(status);
      return { verdict, begin, tookMs };
    };
    const restart = async (node: RabbitMqServer) => {
      isRestarting = true;
      await node.crash();
      await node.boot();
      await eventually(ping, ({ verdict }) => verdict === '204', 60_000);
      healthySince = performance.now();
      isRestarting = false;
    };
    const restarts = (async () => {
      for (const node of cluster.nodes) await restart(node);
    })();
    let isOver = false;
    restarts.finally(() => {
      isOver = true;
    });
    const pinger = async () => {
      while (!isOver || count < PINGS) {
        count++;
        const { verdict, begin, tookMs } = await ping();
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
        const wasHealthyThroughout = !isRestarting && healthySince < begin;
        const isRight = verdict === '204' || (!wasHealthyThroughout && EXCUSABLE.test(verdict));
        if (!isRight || tookMs > RPC_TIMEOUT_MS + 2000) wrong.push({ verdict, tookMs });
        if (!isOver) await setTimeout(PACE_MS); // so that the pings last as long as the restarts
      }
    };
    await Promise.all(Array.from({ length: 8 }, pinger));
    await restarts;
    console.info(`pings under a rolling restart: ${JSON.stringify(Object.fromEntries(verdicts))}`);
    expect(wrong).toEqual([]);
    expect(await ping()).toMatchObject({ verdict: '204' });
  },
  LONG_MS,
);
