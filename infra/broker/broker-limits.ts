// How much a RabbitMQ broker on Amazon MQ may hold. Sources, all in Amazon MQ's developer guide: "Default resource limits"
// (rabbitmq-resource-limits-configuration), "Maximum resource limit" (rabbitmq-resource-hard-limit), "Broker defaults"
// (rabbitmq-defaults), "Resource limit configuration" (configure-resource-limits). The guide gives the defaults of
// RabbitMQ 4 for 4.2; those of 4.3 are taken to be the same.

const M7G_TYPES = [
  'mq.m7g.medium',
  'mq.m7g.large',
  'mq.m7g.xlarge',
  'mq.m7g.2xlarge',
  'mq.m7g.4xlarge',
  'mq.m7g.8xlarge',
  'mq.m7g.12xlarge',
  'mq.m7g.16xlarge',
] as const;
const M5_TYPES = ['mq.m5.large', 'mq.m5.xlarge', 'mq.m5.2xlarge', 'mq.m5.4xlarge'] as const;

export type M7gType = (typeof M7G_TYPES)[number];
export type InstanceType = M7gType | (typeof M5_TYPES)[number];

/** The instance types that run RabbitMQ. `mq.t3.micro` did until October 2026. */
export const INSTANCE_TYPES: readonly InstanceType[] = [...M7G_TYPES, ...M5_TYPES];

export function isM7g(instanceType: InstanceType): instanceType is M7gType {
  return M7G_TYPES.some((type) => type === instanceType);
}

/** What a broker's limits depend on. */
export type BrokerModel = {
  /** True: three nodes instead of one. */
  readonly isCluster: boolean;
} & (
  | { readonly version: '3.13'; readonly instanceType: InstanceType }
  | { readonly version: '4.2' | '4.3'; readonly instanceType: M7gType }
);

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

type Row = readonly [connections: number, channels: number, queues: number, exchanges: number];
type Rows = Readonly<Record<M7gType, { readonly byDefault: Row; readonly maximum: Row }>>;

const RABBITMQ_4_SINGLE: Rows = {
  'mq.m7g.medium': { byDefault: [100, 500, 500, 500], maximum: [300, 900, 2_500, 12_500] },
  'mq.m7g.large': { byDefault: [1_500, 4_500, 1_000, 1_000], maximum: [5_000, 15_000, 20_000, 100_000] },
  'mq.m7g.xlarge': { byDefault: [3_000, 9_000, 2_000, 2_000], maximum: [10_000, 30_000, 30_000, 150_000] },
  'mq.m7g.2xlarge': { byDefault: [6_000, 18_000, 4_000, 4_000], maximum: [20_000, 60_000, 40_000, 200_000] },
  'mq.m7g.4xlarge': {
    byDefault: [12_000, 36_000, 8_000, 8_000],
    maximum: [40_000, 120_000, 60_000, 300_000],
  },
  'mq.m7g.8xlarge': {
    byDefault: [24_000, 72_000, 16_000, 16_000],
    maximum: [80_000, 240_000, 80_000, 400_000],
  },
  'mq.m7g.12xlarge': {
    byDefault: [36_000, 108_000, 24_000, 24_000],
    maximum: [120_000, 360_000, 100_000, 500_000],
  },
  'mq.m7g.16xlarge': {
    byDefault: [48_000, 144_000, 32_000, 32_000],
    maximum: [160_000, 480_000, 120_000, 600_000],
  },
};

const RABBITMQ_4_CLUSTER: Rows = {
  'mq.m7g.medium': { byDefault: [100, 300, 100, 100], maximum: [300, 900, 500, 500] },
  'mq.m7g.large': { byDefault: [500, 1_500, 1_000, 1_000], maximum: [5_000, 15_000, 10_000, 50_000] },
  'mq.m7g.xlarge': { byDefault: [1_000, 3_000, 2_000, 2_000], maximum: [10_000, 30_000, 15_000, 75_000] },
  'mq.m7g.2xlarge': { byDefault: [2_000, 6_000, 4_000, 4_000], maximum: [20_000, 60_000, 20_000, 100_000] },
  'mq.m7g.4xlarge': { byDefault: [4_000, 12_000, 8_000, 8_000], maximum: [40_000, 120_000, 30_000, 150_000] },
  'mq.m7g.8xlarge': {
    byDefault: [8_000, 24_000, 16_000, 16_000],
    maximum: [80_000, 240_000, 40_000, 200_000],
  },
  'mq.m7g.12xlarge': {
    byDefault: [12_000, 36_000, 24_000, 24_000],
    maximum: [120_000, 360_000, 50_000, 250_000],
  },
  'mq.m7g.16xlarge': {
    byDefault: [16_000, 48_000, 32_000, 32_000],
    maximum: [160_000, 480_000, 60_000, 300_000],
  },
};

type RowOf3 = readonly [connections: number, queues: number];

/**
 * RabbitMQ 3.13 has no such configuration: Amazon MQ limits the virtual host `/`, on all nodes together
 * (`max-connections`, `max-queues`). Where the instance's maximum of queues is lower, the table has that maximum.
 */
const RABBITMQ_3: Readonly<Record<InstanceType, { readonly single: RowOf3; readonly cluster: RowOf3 }>> = {
  'mq.m5.large': { single: [4_000, 20_000], cluster: [15_000, 10_000] },
  'mq.m5.xlarge': { single: [8_000, 30_000], cluster: [20_000, 10_000] },
  'mq.m5.2xlarge': { single: [15_000, 60_000], cluster: [40_000, 10_000] },
  'mq.m5.4xlarge': { single: [30_000, 150_000], cluster: [100_000, 10_000] },
  'mq.m7g.medium': { single: [100, 2_500], cluster: [100, 100] },
  'mq.m7g.large': { single: [5_000, 20_000], cluster: [5_000, 10_000] },
  'mq.m7g.xlarge': { single: [10_000, 30_000], cluster: [10_000, 15_000] },
  'mq.m7g.2xlarge': { single: [20_000, 40_000], cluster: [20_000, 20_000] },
  'mq.m7g.4xlarge': { single: [40_000, 60_000], cluster: [40_000, 30_000] },
  'mq.m7g.8xlarge': { single: [80_000, 80_000], cluster: [80_000, 40_000] },
  'mq.m7g.12xlarge': { single: [120_000, 100_000], cluster: [120_000, 20_000] },
  'mq.m7g.16xlarge': { single: [160_000, 120_000], cluster: [160_000, 50_000] },
};

type ModelOf4 = Extract<BrokerModel, { readonly version: '4.2' | '4.3' }>;

function limitsOf4({ isCluster, instanceType }: ModelOf4) {
  const { byDefault, maximum } = (isCluster ? RABBITMQ_4_CLUSTER : RABBITMQ_4_SINGLE)[instanceType];
  return { byDefault: named(byDefault), maximum: named(maximum) };
}

function named([connections, channels, queues, exchanges]: Row): BrokerLimits {
  return { connections, channels, queues, exchanges };
}

/** The highest limits that Amazon MQ lets a configuration set. */
export function maximumLimits(model: ModelOf4): BrokerLimits {
  return limitsOf4(model).maximum;
}

/** The limits that Amazon MQ sets where no configuration does. */
export function defaultLimits(model: BrokerModel): Pick<BrokerLimits, 'connections' | 'queues'> {
  if (model.version !== '3.13') return limitsOf4(model).byDefault;
  const [connections, queues] = RABBITMQ_3[model.instanceType][model.isCluster ? 'cluster' : 'single'];
  return { connections, queues };
}

/** The maximum of a `medium`. Amazon MQ's default for a `medium` is 100, too few for a fleet. */
const FEWEST_CONNECTIONS = 300;

/** How many connections on each node a new broker is configured for; the default of `brokerMaxConnections`. */
export function connectionsForGuests(model: ModelOf4): number {
  return Math.max(FEWEST_CONNECTIONS, limitsOf4(model).byDefault.connections);
}

/**
 * Limits for as many guests as the broker takes connections. A guest has one or two connections, three queues and a
 * fanout exchange. Three channels for each connection is Amazon MQ's own ratio.
 *
 * @param connections on each node
 */
export function limitsForGuests(model: ModelOf4, connections: number): BrokerLimits {
  const { byDefault, maximum } = limitsOf4(model);
  const most = connectionsOfBroker(model, connections);
  const room = (limit: keyof BrokerLimits, needed: number) =>
    Math.min(maximum[limit], Math.max(byDefault[limit], needed));
  return {
    connections,
    channels: room('channels', 3 * connections),
    queues: room('queues', 3 * most),
    exchanges: room('exchanges', most),
  };
}

/**
 * How many connections the whole broker takes at any time. In a cluster of RabbitMQ 4 the number is that of two nodes:
 * while Amazon MQ restarts the third one, the other two hold all connections.
 *
 * @param connections `connection_max` of a node; with 3.13, the limit of the virtual host on all nodes
 */
export function connectionsOfBroker({ version, isCluster }: BrokerModel, connections: number): number {
  return version !== '3.13' && isCluster ? 2 * connections : connections;
}
