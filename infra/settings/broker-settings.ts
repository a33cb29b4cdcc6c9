import {
  type BrokerLimits,
  type BrokerModel,
  connectionsForGuests,
  connectionsOfBroker,
  defaultLimits,
  INSTANCE_TYPES,
  type InstanceType,
  isM7g,
  limitsForGuests,
  maximumLimits,
} from '../broker/broker-limits.ts';
import { type Context, InvalidSetting } from './cdk-context.ts';

/** The settings that a new and an existing broker share. */
interface AnyBrokerSettings {
  readonly name: string;
  readonly model: BrokerModel;
  /** How many connections the broker takes, on all nodes together. */
  readonly maxConnections: number;
  readonly maxQueues: number;
}

/** A broker that the stack makes, in a VPC of its own. */
export interface NewBrokerSettings extends AnyBrokerSettings {
  readonly kind: 'new';
  /** The limits in the broker's configuration; undefined: RabbitMQ 3.13, whose limits are fixed. */
  readonly limits: BrokerLimits | undefined;
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

const OF_A_NEW_BROKER = ['newBroker', 'describeBroker', 'vpcCidr', 'brokerMaxChannels', 'brokerMaxExchanges'];
const OF_AN_EXISTING_BROKER = [
  'existingBroker',
  'brokerId',
  'brokerEndpoint',
  'vpcId',
  'subnetIds',
  'brokerSecurityGroupId',
];

/** The range of a broker limit, from which alarms and `pingConcurrency` are computed. */
const FEWEST = 20;
const MOST = 1_000_000;

const DEPLOYMENTS = ['single-instance', 'cluster'] as const;

const VPC_CIDR = /^(10\.\d{1,3}|172\.(1[6-9]|2\d|3[01])|192\.168)\.\d{1,3}\.0\/24$/;
const BROKER_NAME = /^[\w.~-]{1,50}$/;
const SECRET_ARN = /^arn:[\w-]+:secretsmanager:[\w-]+:\d{12}:secret:\S+-\w{6}$/;
const SECRET_ARN_KIND = 'the full ARN of a secret, with the six characters that Secrets Manager adds';

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

function readNewBroker(context: Context): NewBrokerSettings {
  const isCluster = context.choice('newBroker', DEPLOYMENTS) === 'cluster';
  const model = readModel(context, isCluster, isCluster ? 'mq.m7g.large' : 'mq.m7g.medium');
  return {
    kind: 'new',
    name: context.text('brokerName', BROKER_NAME, 'a broker’s name') ?? 'guest-rpc-ping',
    model,
    ...readLimits(context, model),
    isDescribed: context.boolean('describeBroker'),
    vpcCidr:
      context.text('vpcCidr', VPC_CIDR, 'a private block of 256 addresses, such as 10.0.0.0/24') ??
      '10.0.0.0/24',
    secretArn: context.text('brokerSecretArn', SECRET_ARN, SECRET_ARN_KIND),
  };
}

/**
 * RabbitMQ 4.3 is not the default: that version refuses queues that are neither durable nor exclusive. oslo.messaging
 * declares such queues by default, so a guest with default settings could not register.
 */
function readModel(context: Context, isCluster: boolean, byDefault: InstanceType): BrokerModel {
  const version = context.choice('brokerVersion', ['3.13', '4.2', '4.3']);
  const instanceType = context.choice('brokerInstanceType', INSTANCE_TYPES) ?? byDefault;
  if (version === '3.13' || (version === undefined && !isM7g(instanceType)))
    return { version: '3.13', instanceType, isCluster };
  if (!isM7g(instanceType))
    throw new InvalidSetting(
      `brokerVersion=${version} runs on mq.m7g instances only, not on ${instanceType}.`,
    );
  return { version: version ?? '4.2', instanceType, isCluster };
}

function readLimits(context: Context, model: BrokerModel) {
  if (model.version === '3.13') {
    for (const name of ['brokerMaxChannels', 'brokerMaxExchanges'])
      if (context.text(name) !== undefined)
        throw new InvalidSetting(`${name} cannot be set on RabbitMQ 3.13, whose limits are fixed.`);
    return { limits: undefined, ...readCapacity(context, model) };
  }
  const connections = context.integer('brokerMaxConnections', connectionsForGuests(model), FEWEST, MOST);
  const byDefault = limitsForGuests(model, connections);
  const limits = {
    connections,
    channels: context.integer('brokerMaxChannels', byDefault.channels, FEWEST, MOST),
    queues: context.integer('brokerMaxQueues', byDefault.queues, FEWEST, MOST),
    exchanges: context.integer('brokerMaxExchanges', byDefault.exchanges, FEWEST, MOST),
  };
  refuseMoreThan(maximumLimits(model), limits, model);
  return { limits, maxConnections: connectionsOfBroker(model, connections), maxQueues: limits.queues };
}

/** The limits of a broker that this stack does not configure: the deployer's figures, else Amazon MQ's defaults. */
function readCapacity(context: Context, model: BrokerModel) {
  const byDefault = defaultLimits(model);
  const connections = context.integer('brokerMaxConnections', byDefault.connections, FEWEST, MOST);
  const queues = context.integer('brokerMaxQueues', byDefault.queues, FEWEST, MOST);
  if (model.version !== '3.13' && context.text('brokerInstanceType') !== undefined)
    refuseMoreThan(maximumLimits(model), { connections, queues }, model);
  return { maxConnections: connectionsOfBroker(model, connections), maxQueues: queues };
}

function refuseMoreThan(maximum: BrokerLimits, asked: Partial<BrokerLimits>, model: BrokerModel): void {
  const pairs = [
    ['brokerMaxConnections', asked.connections, maximum.connections],
    ['brokerMaxChannels', asked.channels, maximum.channels],
    ['brokerMaxQueues', asked.queues, maximum.queues],
    ['brokerMaxExchanges', asked.exchanges, maximum.exchanges],
  ] as const;
  for (const [name, value = 0, most] of pairs)
    if (value > most)
      throw new InvalidSetting(
        `${name}=${value} is more than Amazon MQ allows on ${model.instanceType}: at most ${most}.`,
      );
}

function readExistingBroker(context: Context, given: string): ExistingBrokerSettings {
  const required = (name: string, pattern: RegExp, kind: string) =>
    context.requiredText(name, `${given} is for an existing broker, which needs ${name} too`, pattern, kind);
  const id = context.text('brokerId', /^b-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'a broker’s id, b-…');
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
  const isCluster = context.choice('existingBroker', DEPLOYMENTS) === 'cluster';
  const model = readModel(context, isCluster, 'mq.m7g.medium');
  return {
    kind: 'existing',
    model,
    ...readCapacity(context, model),
    name: required('brokerName', BROKER_NAME, 'a broker’s name'),
    id,
    endpoint,
    secretArn: required('brokerSecretArn', SECRET_ARN, SECRET_ARN_KIND),
    vpcId: required('vpcId', /^vpc-[0-9a-f]{8,17}$/, 'a VPC’s id, vpc-…'),
    subnetIds,
    securityGroupId: required('brokerSecurityGroupId', /^sg-[0-9a-f]{8,17}$/, 'a security group’s id, sg-…'),
  };
}
