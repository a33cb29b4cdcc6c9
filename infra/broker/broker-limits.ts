// How much a broker of RabbitMQ 4 on Amazon MQ may hold. Sources, all in Amazon MQ's developer guide: "Default resource
// limits" (rabbitmq-resource-limits-configuration), "Maximum resource limit" (rabbitmq-resource-hard-limit), "Resource limit
// configuration" (configure-resource-limits). The guide gives the defaults for 4.2; those of 4.3 are taken to be the same.

/**
 * Connections of each node, by default on a single instance and in a cluster, and at most; queues of all nodes together,
 * at most on a single instance and in a cluster. On a `medium` the default is the maximum: Amazon MQ's own default, 100,
 * leaves next to nothing to guests.
 */
const SIZES = {
  'mq.m7g.medium': [300, 300, 300, 2_500, 500],
  'mq.m7g.large': [1_500, 500, 5_000, 20_000, 10_000],
  'mq.m7g.xlarge': [3_000, 1_000, 10_000, 30_000, 15_000],
  'mq.m7g.2xlarge': [6_000, 2_000, 20_000, 40_000, 20_000],
  'mq.m7g.4xlarge': [12_000, 4_000, 40_000, 60_000, 30_000],
} as const;

export type InstanceType = keyof typeof SIZES;

export function isInstanceType(name: string): name is InstanceType {
  return Object.hasOwn(SIZES, name);
}

/** The instance types that a new broker may have. */
export const INSTANCE_TYPES = Object.keys(SIZES).filter(isInstanceType);

/** What decides over the limits of a broker. */
export interface BrokerModel {
  readonly instanceType: InstanceType;
  /** True: three nodes instead of one. */
  readonly isCluster: boolean;
  /** Of each node; by default Amazon MQ's default, on a `medium` the maximum. */
  readonly maxConnections?: number | undefined;
  /** Of all nodes together; by default three for each connection, as a guest has. */
  readonly maxQueues?: number | undefined;
}

/** The highest limits that Amazon MQ lets a configuration set: connections of each node, queues of all. */
export function highestLimits({ instanceType, isCluster }: BrokerModel) {
  const [, , connections, single, cluster] = SIZES[instanceType];
  return { connections, queues: isCluster ? cluster : single };
}

/**
 * Connections and channels of each node, queues and exchanges of all nodes together; and `connectionsInAll`, the connections
 * that the whole broker takes at any time: in a cluster those of two nodes, since these hold all while Amazon MQ restarts the
 * third one.
 */
export function limitsOf(model: BrokerModel) {
  const [single, cluster] = SIZES[model.instanceType];
  const connections = model.maxConnections ?? (model.isCluster ? cluster : single);
  const connectionsInAll = model.isCluster ? 2 * connections : connections;
  const queues = model.maxQueues ?? Math.min(3 * connectionsInAll, highestLimits(model).queues);
  const channels = 3 * connections; // the ratio is Amazon MQ's
  return { connections, connectionsInAll, channels, queues, exchanges: queues };
}

/**
 * The limits as Amazon MQ's configuration has them, with a section for each size, so that a broker whose instance type
 * is changed never meets the limits of another one.
 */
export function configurationOf(model: BrokerModel, messageBytes: number): string {
  const sections = INSTANCE_TYPES.map((instanceType) => {
    const isOwn = instanceType === model.instanceType;
    const limits = limitsOf(isOwn ? model : { instanceType, isCluster: model.isCluster });
    const section = `{{${instanceType.replace('mq.', '')}.${model.isCluster ? 3 : 1}}}`;
    return [
      section,
      `connection_max = ${limits.connections}`,
      `channel_max_per_node = ${limits.channels}`,
      `cluster_queue_limit = ${limits.queues}`,
      `cluster_exchange_limit = ${limits.exchanges}`,
      section,
    ].join('\n');
  });
  return [`max_message_size = ${messageBytes}`, ...sections, ''].join('\n\n');
}
