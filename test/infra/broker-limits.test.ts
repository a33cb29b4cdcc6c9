import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { OWN_CHANNELS } from '../../functions/oslo/publisher.ts';
import { INSTANCE_TYPES } from '../../infra/broker/broker-limits.ts';
import { readSettings } from '../../infra/settings/deployment-settings.ts';

/** A new broker's configured limits: connections and channels of each node, queues and exchanges of all nodes. */
function configured(settings: Readonly<Record<string, string>>) {
  const { broker } = readSettings(settings);
  if (broker.kind !== 'new' || broker.limits === undefined) return undefined;
  const { connections, channels, queues, exchanges } = broker.limits;
  return [connections, channels, queues, exchanges];
}

describe('a new broker', () => {
  test.each([
    ['mq.m7g.medium', [300, 900, 900, 500], [300, 900, 500, 500]],
    ['mq.m7g.large', [1500, 4500, 4500, 1500], [500, 1500, 3000, 1000]],
    ['mq.m7g.xlarge', [3000, 9000, 9000, 3000], [1000, 3000, 6000, 2000]],
    ['mq.m7g.2xlarge', [6000, 18_000, 18_000, 6000], [2000, 6000, 12_000, 4000]],
    ['mq.m7g.4xlarge', [12_000, 36_000, 36_000, 12_000], [4000, 12_000, 24_000, 8000]],
    ['mq.m7g.8xlarge', [24_000, 72_000, 72_000, 24_000], [8000, 24_000, 40_000, 16_000]],
    ['mq.m7g.12xlarge', [36_000, 108_000, 100_000, 36_000], [12_000, 36_000, 50_000, 24_000]],
    ['mq.m7g.16xlarge', [48_000, 144_000, 120_000, 48_000], [16_000, 48_000, 60_000, 32_000]],
  ])(
    'a new %s of RabbitMQ 4 is configured for %j, in a cluster for %j',
    (brokerInstanceType, single, cluster) => {
      for (const brokerVersion of ['4.2', '4.3']) {
        expect(configured({ brokerVersion, brokerInstanceType })).toEqual(single);
        expect(configured({ brokerVersion, brokerInstanceType, newBroker: 'cluster' })).toEqual(cluster);
      }
    },
  );

  test('a new broker is configured for the deployer’s limits, and the other limits follow from the connections', () => {
    const brokerInstanceType = 'mq.m7g.large';
    expect(configured({ brokerInstanceType, brokerMaxConnections: '5000' })).toEqual([
      5000, 15_000, 15_000, 5000,
    ]);
    expect(configured({ brokerInstanceType, brokerMaxConnections: '100' })).toEqual([100, 4500, 1000, 1000]);
    const written = { brokerMaxChannels: '600', brokerMaxQueues: '700', brokerMaxExchanges: '800' };
    expect(configured(written)).toEqual([300, 600, 700, 800]);
  });

  test('a new broker of RabbitMQ 3.13 is not configured', () => {
    expect(
      configured({ brokerVersion: '3.13', brokerMaxConnections: '100', brokerMaxQueues: '500' }),
    ).toBeUndefined();
  });
});

test.each(
  INSTANCE_TYPES.flatMap((brokerInstanceType): Readonly<Record<string, string>>[] => [
    { brokerInstanceType },
    { brokerInstanceType, newBroker: 'cluster' },
  ]),
)('the functions take at most a fifth of the broker’s connections with %j', (settings) => {
  const { broker, pingConcurrency } = readSettings(settings);
  expect(5 * (pingConcurrency + 1)).toBeLessThanOrEqual(broker.maxConnections);
});

test.each(
  INSTANCE_TYPES.flatMap((brokerInstanceType): Readonly<Record<string, string>>[] => [
    { brokerInstanceType },
    { brokerInstanceType, newBroker: 'cluster' },
  ]),
)('one node has channels for its connections, a sweep and all pings at once with %j', (settings) => {
  const { broker, pingConcurrency } = readSettings(settings);
  if (broker.kind !== 'new' || broker.limits === undefined) throw new Error('Not configured');
  const ofOurs = OWN_CHANNELS + 4 + 5 * pingConcurrency; // more than replies, confirms and questions take
  expect(broker.limits.channels - broker.limits.connections).toBeGreaterThanOrEqual(ofOurs);
});

describe('the manual', () => {
  const manual = readFileSync(join(import.meta.dirname, '..', '..', 'infra', 'README.md'), 'utf8');

  /**
   * The number of guests up to which no alarm rings. A guest has three queues; each concurrent invocation has a
   * connection and a queue.
   */
  function guests(settings: Readonly<Record<string, string>>, connectionsEach: number): string {
    const { broker, pingConcurrency } = readSettings(settings);
    const left = (limit: number) => Math.ceil(0.8 * limit) - 1 - (pingConcurrency + 1);
    const fit = Math.min(left(broker.maxConnections) / connectionsEach, left(broker.maxQueues) / 3);
    return Math.floor(fit).toLocaleString('en');
  }

  test.each(
    ['mq.m7g.medium', 'mq.m7g.large', 'mq.m7g.xlarge', 'mq.m7g.2xlarge'].flatMap((type) => [
      [type, 'single-instance'],
      [type, 'cluster'],
    ]),
  )('the manual says how many guests fit on %s, %s', (brokerInstanceType = '', deployment = '') => {
    const ofNew = { brokerInstanceType, newBroker: deployment };
    const counts = [guests(ofNew, 1), guests(ofNew, 2)];
    expect(manual).toContain(`| \`${brokerInstanceType}\` | ${deployment} | ${counts.join(' | ')} |\n`);
  });
});
