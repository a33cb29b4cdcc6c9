import {
  type BrokerLimits,
  type BrokerModel,
  connectionsForGuests,
  connectionsOfBroker,
  INSTANCE_TYPES,
  limitsForGuests,
  maximumLimits,
} from '../broker/broker-limits.ts';
import { type Context, InvalidSetting } from './cdk-context.ts';
import { SECRET_ARN, SECRET_ARN_KIND } from './openstack-settings.ts';

/** The settings that a new and an existing broker share. */
interface AnyBrokerSettings {
  readonly name: string;
  /** How many connections the broker takes, on all nodes together. */
  readonly maxConnections: number;
  readonly maxQueues: number;
}

/** A broker that the stack makes, in a VPC of its own. */
export interface NewBrokerSettings extends AnyBrokerSettings {
  readonly kind: 'new';
  readonly model: BrokerModel;
  /** The limits in the broker's configuration; undefined: RabbitMQ 3.13, whose limits are fixed. */
  readonly limits: (BrokerLimits & { readonly messageBytes: number }) | undefined;
  /** True: a function that cannot reach the broker may ask Amazon MQ for the broker's state. */
  readonly isDescribed: boolean;
  /** The block of the broker's own VPC: 256 addresses. */
  readonly vpcCidr: string;
  /** The secret of the functions' own user; undefined: the functions log in as the broker's administrator. */
  readonly secretArn: string | undefined;
}

/** A broker that exists already, and its place in the network. */
export interface ExistingBrokerSettings extends AnyBrokerSettings {
  readonly kind: 'existing';
  /** At least one of id and endpoint is known. With an id, the functions may ask Amazon MQ about the broker. */
  readonly id: string | undefined;
  readonly endpoint: string | undefined;
  readonly secretArn: string;
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupId: string;
}

export type BrokerSettings = NewBrokerSettings | ExistingBrokerSettings;

/** Limits that only a new broker of RabbitMQ 4 is configured with. */
const CONFIGURED = ['brokerMaxChannels', 'brokerMaxExchanges', 'brokerMaxMessageBytes'];
const OF_A_NEW_BROKER = [
  'newBroker',
  'brokerInstanceType',
  'brokerVersion',
  'describeBroker',
  'vpcCidr',
  ...CONFIGURED,
];
const OF_AN_EXISTING_BROKER = ['brokerId', 'brokerEndpoint', 'vpcId', 'subnetIds', 'brokerSecurityGroupId'];

/** The range of a broker limit, from which alarms and `pingConcurrency` are computed. */
const FEWEST = 20;
const MOST = 1_000_000;

const MIB = 1024 ** 2;

const VPC_CIDR = /^(10\.\d{1,3}|172\.(1[6-9]|2\d|3[01])|192\.168)\.\d{1,3}\.0\/24$/;
const BROKER_NAME = /^[\w.~-]{1,50}$/;

/** @throws InvalidSetting */
export function readBroker(context: Context): BrokerSettings {
  const ofNew = OF_A_NEW_BROKER.find((name) => context.text(name) !== undefined);
  const ofExisting = OF_AN_EXISTING_BROKER.find((name) => context.text(name) !== undefined);
  if (ofNew && ofExisting)
    throw new InvalidSetting(
      `${ofNew} is for a new broker and ${ofExisting} for an existing one: set one of the two.`,
    );
  return ofExisting ? readExistingBroker(context, ofExisting) : readNewBroker(context);
}

/**
 * RabbitMQ 4.3 is not the default: that version refuses queues that are neither durable nor exclusive. oslo.messaging
 * declares such queues by default, so a guest with default settings could not register.
 */
function readNewBroker(context: Context): NewBrokerSettings {
  const isCluster = context.choice('newBroker', ['single-instance', 'cluster']) === 'cluster';
  const model: BrokerModel = {
    isCluster,
    version: context.choice('brokerVersion', ['3.13', '4.2', '4.3']) ?? '4.2',
    instanceType:
      context.choice('brokerInstanceType', INSTANCE_TYPES) ?? (isCluster ? 'mq.m7g.large' : 'mq.m7g.medium'),
  };
  return {
    kind: 'new',
    name: context.text('brokerName', BROKER_NAME, "a broker's name") ?? 'guest-rpc-ping',
    model,
    ...(model.version === '3.13' ? readFixedLimits(context) : readLimits(context, model)),
    isDescribed: context.boolean('describeBroker'),
    vpcCidr:
      context.text('vpcCidr', VPC_CIDR, 'a private block of 256 addresses, such as 10.0.0.0/24') ??
      '10.0.0.0/24',
    secretArn: context.text('brokerSecretArn', SECRET_ARN, SECRET_ARN_KIND),
  };
}

function readFixedLimits(context: Context) {
  const name = CONFIGURED.find((limit) => context.text(limit) !== undefined);
  if (name !== undefined)
    throw new InvalidSetting(`${name} cannot be set on RabbitMQ 3.13, whose limits are fixed.`);
  return { limits: undefined, ...readCapacity(context, 'brokerVersion=3.13 has fixed limits') };
}

function readLimits(context: Context, model: BrokerModel) {
  const connections = context.integer('brokerMaxConnections', connectionsForGuests(model), FEWEST, MOST);
  const byDefault = limitsForGuests(model, connections);
  const limits = {
    connections,
    channels: context.integer('brokerMaxChannels', byDefault.channels, FEWEST, MOST),
    queues: context.integer('brokerMaxQueues', byDefault.queues, FEWEST, MOST),
    exchanges: context.integer('brokerMaxExchanges', byDefault.exchanges, FEWEST, MOST),
    messageBytes: context.integer('brokerMaxMessageBytes', 4 * MIB, MIB, 16 * MIB),
  };
  const maximum = maximumLimits(model);
  const pairs = [
    ['brokerMaxConnections', limits.connections, maximum.connections],
    ['brokerMaxChannels', limits.channels, maximum.channels],
    ['brokerMaxQueues', limits.queues, maximum.queues],
    ['brokerMaxExchanges', limits.exchanges, maximum.exchanges],
  ] as const;
  for (const [name, value, most] of pairs)
    if (value > most)
      throw new InvalidSetting(
        `${name}=${value} is more than Amazon MQ allows on ${model.instanceType}: at most ${most}.`,
      );
  return { limits, maxConnections: connectionsOfBroker(model, connections), maxQueues: limits.queues };
}

/** The limits of a broker that this stack does not configure: the deployer knows them. */
function readCapacity(context: Context, why: string) {
  const required = (name: string) => {
    context.requiredText(name, `${why}: infra/README.md says how to find them`);
    return context.integer(name, undefined, FEWEST, MOST);
  };
  return { maxConnections: required('brokerMaxConnections'), maxQueues: required('brokerMaxQueues') };
}

function readExistingBroker(context: Context, given: string): ExistingBrokerSettings {
  const required = (name: string, pattern: RegExp, kind: string) =>
    context.requiredText(name, `${given} is for an existing broker, which needs ${name} too`, pattern, kind);
  const id = context.text('brokerId', /^b-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "a broker's id, b-…");
  const endpoint = context.text(
    'brokerEndpoint',
    /^amqps:\/\/[\w.-]+:5671$/,
    'amqps://host:5671, as Amazon MQ shows it',
  );
  if (id === undefined && endpoint === undefined)
    throw new InvalidSetting(
      `${given} is for an existing broker, which needs brokerId or brokerEndpoint too.`,
    );
  const subnetIds = required(
    'subnetIds',
    /^subnet-[0-9a-f]{8,17}(,subnet-[0-9a-f]{8,17})*$/,
    'ids of subnets, subnet-…, joined by commas',
  ).split(',');
  if (new Set(subnetIds).size < subnetIds.length)
    throw new InvalidSetting('subnetIds names a subnet more than once.');
  return {
    kind: 'existing',
    name: required('brokerName', BROKER_NAME, "a broker's name"),
    id,
    endpoint,
    secretArn: required('brokerSecretArn', SECRET_ARN, SECRET_ARN_KIND),
    vpcId: required('vpcId', /^vpc-[0-9a-f]{8,17}$/, "a VPC's id, vpc-…"),
    subnetIds,
    securityGroupId: required('brokerSecurityGroupId', /^sg-[0-9a-f]{8,17}$/, "a security group's id, sg-…"),
    ...readCapacity(context, `${given} is for an existing broker, whose limits the alarms need`),
  };
}
