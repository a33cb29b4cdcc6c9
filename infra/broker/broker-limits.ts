// How much a broker of RabbitMQ 4 on Amazon MQ may hold. Sources, all in Amazon MQ's developer guide: "Default resource
// limits" (rabbitmq-resource-limits-configuration), "Maximum resource limit" (rabbitmq-resource-hard-limit), "Resource limit
// configuration" (configure-resource-limits). The guide gives the defaults for 4.2; those of 4.3 are taken to be the same.

/** The limits of RabbitMQ 4 that a guest uses up. */
export interface BrokerLimits {
  /** Of each node: `connection_max`. */
  readonly connections: number;
  /** Of each node: `channel_max_per_node`. */
  readonly channels: number;
  /** Of all nodes together: `cluster_queue_limit`. */
  readonly queues: number;
  /** Of all nodes together: `cluster_exchange_limit`. */
  readonly exchanges: number;
}

/** Connections, channels, queues and exchanges: Amazon MQ's four defaults, then its four maxima. */
type Row = readonly [number, number, number, number, number, number, number, number];

const SINGLE = {
  'mq.m7g.medium': [100, 500, 500, 500, 300, 900, 2_500, 12_500],
  'mq.m7g.large': [1_500, 4_500, 1_000, 1_000, 5_000, 15_000, 20_000, 100_000],
  'mq.m7g.xlarge': [3_000, 9_000, 2_000, 2_000, 10_000, 30_000, 30_000, 150_000],
  'mq.m7g.2xlarge': [6_000, 18_000, 4_000, 4_000, 20_000, 60_000, 40_000, 200_000],
  'mq.m7g.4xlarge': [12_000, 36_000, 8_000, 8_000, 40_000, 120_000, 60_000, 300_000],
  'mq.m7g.8xlarge': [24_000, 72_000, 16_000, 16_000, 80_000, 240_000, 80_000, 400_000],
  'mq.m7g.12xlarge': [36_000, 108_000, 24_000, 24_000, 120_000, 360_000, 100_000, 500_000],
  'mq.m7g.16xlarge': [48_000, 144_000, 32_000, 32_000, 160_000, 480_000, 120_000, 600_000],
} as const satisfies Readonly<Record<string, Row>>;

export type InstanceType = keyof typeof SINGLE;

const CLUSTER: Readonly<Record<InstanceType, Row>> = {
  'mq.m7g.medium': [100, 300, 100, 100, 300, 900, 500, 500],
  'mq.m7g.large': [500, 1_500, 1_000, 1_000, 5_000, 15_000, 10_000, 50_000],
  'mq.m7g.xlarge': [1_000, 3_000, 2_000, 2_000, 10_000, 30_000, 15_000, 75_000],
  'mq.m7g.2xlarge': [2_000, 6_000, 4_000, 4_000, 20_000, 60_000, 20_000, 100_000],
  'mq.m7g.4xlarge': [4_000, 12_000, 8_000, 8_000, 40_000, 120_000, 30_000, 150_000],
  'mq.m7g.8xlarge': [8_000, 24_000, 16_000, 16_000, 80_000, 240_000, 40_000, 200_000],
  'mq.m7g.12xlarge': [12_000, 36_000, 24_000, 24_000, 120_000, 360_000, 50_000, 250_000],
  'mq.m7g.16xlarge': [16_000, 48_000, 32_000, 32_000, 160_000, 480_000, 60_000, 300_000],
};

function isInstanceType(name: string): name is InstanceType {
  return Object.hasOwn(SINGLE, name);
}

/** The instance types that run RabbitMQ 4. */
export const INSTANCE_TYPES = Object.keys(SINGLE).filter(isInstanceType);

export interface BrokerModel {
  readonly version: '3.13' | '4.2' | '4.3';
  readonly instanceType: InstanceType;
  /** True: three nodes instead of one. */
  readonly isCluster: boolean;
}

function limitsOf({ isCluster, instanceType }: BrokerModel, from: 0 | 4): BrokerLimits {
  const row: Row = (isCluster ? CLUSTER : SINGLE)[instanceType];
  const [connections = 0, channels = 0, queues = 0, exchanges = 0] = row.slice(from);
  return { connections, channels, queues, exchanges };
}

/** The highest limits that Amazon MQ lets a configuration set. */
export function maximumLimits(model: BrokerModel): BrokerLimits {
  return limitsOf(model, 4);
}

/** The maximum of a `medium`. Amazon MQ's default for a `medium` is 100, too few for a fleet. */
const FEWEST_CONNECTIONS = 300;

/** How many connections on each node a new broker is configured for; the default of `brokerMaxConnections`. */
export function connectionsForGuests(model: BrokerModel): number {
  return Math.max(FEWEST_CONNECTIONS, limitsOf(model, 0).connections);
}

/**
 * Limits for as many guests as the broker takes connections. A guest has one or two connections, three queues and a
 * fanout exchange. Three channels for each connection is Amazon MQ's own ratio.
 *
 * @param connections on each node
 */
export function limitsForGuests(model: BrokerModel, connections: number): BrokerLimits {
  const byDefault = limitsOf(model, 0);
  const maximum = maximumLimits(model);
  const ofBroker = connectionsOfBroker(model, connections);
  const room = (limit: keyof BrokerLimits, needed: number) =>
    Math.min(maximum[limit], Math.max(byDefault[limit], needed));
  return {
    connections,
    channels: room('channels', 3 * connections),
    queues: room('queues', 3 * ofBroker),
    exchanges: room('exchanges', ofBroker),
  };
}

/**
 * How many connections the whole broker takes at any time: in a cluster those of two nodes, since these hold all
 * connections while Amazon MQ restarts the third one.
 *
 * @param connections `connection_max` of a node
 */
export function connectionsOfBroker({ isCluster }: BrokerModel, connections: number): number {
  return isCluster ? 2 * connections : connections;
}
