import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { OWN_CHANNELS } from '../../functions/oslo/publisher.ts';
import {
  type BrokerModel,
  configurationOf,
  highestLimits,
  INSTANCE_TYPES,
  limitsOf,
} from '../../infra/broker/broker-limits.ts';
import { readSettings } from '../../infra/settings/deployment-settings.ts';
import { NEW } from './variants.ts';

const ALL = INSTANCE_TYPES.flatMap((instanceType) =>
  [false, true].map((isCluster): BrokerModel => ({ instanceType, isCluster })),
);

/** The settings of a new broker of a model. */
function settingsOf({ instanceType, isCluster }: BrokerModel) {
  const newBroker = isCluster ? 'cluster' : 'single-instance';
  return readSettings('trove', { ...NEW, newBroker, brokerInstanceType: instanceType });
}

describe('the limits of a new broker of RabbitMQ 4', () => {
  test.each<[BrokerModel['instanceType'], number[], number[]]>([
    ['mq.m7g.medium', [300, 900, 900], [300, 900, 500]],
    ['mq.m7g.large', [1500, 4500, 4500], [500, 1500, 3000]],
    ['mq.m7g.xlarge', [3000, 9000, 9000], [1000, 3000, 6000]],
    ['mq.m7g.2xlarge', [6000, 18_000, 18_000], [2000, 6000, 12_000]],
    ['mq.m7g.4xlarge', [12_000, 36_000, 36_000], [4000, 12_000, 24_000]],
  ])('%s: connections, channels, queues %j, in a cluster %j', (instanceType, single, cluster) => {
    for (const [isCluster, expected] of [
      [false, single],
      [true, cluster],
    ] as const) {
      const { connections, channels, queues, exchanges } = limitsOf({ instanceType, isCluster });
      expect([connections, channels, queues]).toEqual(expected);
      expect(exchanges).toBe(queues);
    }
  });

  test("the other limits follow from the deployer's connections", () => {
    const model = { instanceType: 'mq.m7g.large', isCluster: false, maxConnections: 5000 } as const;
    expect(limitsOf(model)).toEqual({
      connections: 5000,
      connectionsInAll: 5000,
      channels: 15_000,
      queues: 15_000,
      exchanges: 15_000,
    });
    expect(limitsOf({ ...model, maxQueues: 700 })).toMatchObject({ queues: 700, exchanges: 700 });
  });

  test("each size has a section, closed, and none has a limit above that size's maximum", () => {
    for (const isCluster of [false, true]) {
      const text = configurationOf(
        { instanceType: 'mq.m7g.medium', isCluster, maxConnections: 200 },
        2 ** 20,
      );
      const sections = Array.from(text.matchAll(/\{\{(m7g\.\w+\.[13])\}\}\n(.*?)\n\{\{\1\}\}/gs));
      expect(sections.map(([, name]) => name)).toEqual(
        INSTANCE_TYPES.map((type) => `${type.replace('mq.', '')}.${isCluster ? 3 : 1}`),
      );
      for (const [index, instanceType] of INSTANCE_TYPES.entries()) {
        const lines = sections[index]?.[2] ?? '';
        const highest = highestLimits({ instanceType, isCluster });
        expect(Number(/connection_max = (\d+)/.exec(lines)?.[1])).toBeLessThanOrEqual(highest.connections);
        expect(Number(/cluster_queue_limit = (\d+)/.exec(lines)?.[1])).toBeLessThanOrEqual(highest.queues);
      }
    }
  });
});

test.each(ALL)("the functions take at most a fifth of the broker's connections with %j", (model) => {
  const { maxConnections, pingConcurrency } = settingsOf(model);
  expect(5 * (pingConcurrency + 1)).toBeLessThanOrEqual(maxConnections);
});

test.each(ALL)(
  'one node has channels for its connections, a sweep and all pings at once with %j',
  (model) => {
    const ofOurs = OWN_CHANNELS + 4 + 5 * settingsOf(model).pingConcurrency; // more than replies, confirms and questions take
    const { channels, connections } = limitsOf(model);
    expect(channels - connections).toBeGreaterThanOrEqual(ofOurs);
  },
);

describe('the manual', () => {
  const manual = readFileSync(join(import.meta.dirname, '..', '..', 'infra', 'README.md'), 'utf8');

  /**
   * The number of guests up to which no alarm rings. A guest has three queues; each concurrent invocation has a
   * connection and a queue.
   */
  function guests(model: BrokerModel, connectionsEach: number): string {
    const { maxConnections, maxQueues, pingConcurrency } = settingsOf(model);
    const left = (limit: number) => Math.ceil(0.8 * limit) - 1 - (pingConcurrency + 1);
    const fit = Math.min(left(maxConnections) / connectionsEach, left(maxQueues) / 3);
    return Math.floor(fit).toLocaleString('en');
  }

  test.each(ALL.slice(0, 8))('the manual says how many guests fit on %j', (model) => {
    const deployment = model.isCluster ? 'cluster' : 'single-instance';
    const counts = [guests(model, 1), guests(model, 2)];
    expect(manual).toContain(`| \`${model.instanceType}\` | ${deployment} | ${counts.join(' | ')} |\n`);
  });
});
