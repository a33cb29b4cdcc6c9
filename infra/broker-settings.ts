import { type Context, InvalidSetting } from './cdk-context.ts';

/** A broker that the stack makes, in a VPC of its own. */
export interface NewBrokerSettings {
  readonly kind: 'new';
  readonly name: string;
  readonly deploymentMode: 'SINGLE_INSTANCE' | 'CLUSTER_MULTI_AZ';
  readonly instanceType: string;
  readonly version: string;
  /** The functions may ask Amazon MQ for the broker's state when they cannot reach it. */
  readonly isDescribed: boolean;
  /** Of the VPC that is made for it: 256 addresses. */
  readonly vpcCidr: string;
  /** The secret of the functions' own user; undefined: they log in as the broker's administrator. */
  readonly secretArn: string | undefined;
  readonly knownMaxConnections: number | undefined;
}

/** A broker that is there already, and where it is. */
export interface ExistingBrokerSettings {
  readonly kind: 'existing';
  readonly name: string;
  /** At least one of id and endpoint is known. With an id, the functions may ask Amazon MQ about the broker. */
  readonly id: string | undefined;
  readonly endpoint: string | undefined;
  readonly secretArn: string;
  readonly vpcId: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupId: string;
  readonly knownMaxConnections: number;
}

export type BrokerSettings = NewBrokerSettings | ExistingBrokerSettings;

const OF_A_NEW_BROKER = ['newBroker', 'brokerInstanceType', 'brokerVersion', 'describeBroker', 'vpcCidr'];
const OF_AN_EXISTING_BROKER = ['brokerId', 'brokerEndpoint', 'vpcId', 'subnetIds', 'brokerSecurityGroupId'];

/**
 * How many connections a broker takes, by its instance's size: Amazon MQ's "sizing guidelines" and "maximum
 * resource limits" for a single instance, which is the lower figure. RabbitMQ 4 can be configured for less.
 */
const MAX_CONNECTIONS: Readonly<Record<string, number>> = {
  micro: 500,
  medium: 300,
  large: 5_000,
  xlarge: 10_000,
  '2xlarge': 20_000,
  '4xlarge': 40_000,
  '8xlarge': 80_000,
  '12xlarge': 120_000,
};
const FEWEST_CONNECTIONS = Math.min(...Object.values(MAX_CONNECTIONS));

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
  const isCluster = context.choice('newBroker', ['single-instance', 'cluster']) === 'cluster';
  const version = context.choice('brokerVersion', ['3.13', '4.2']);
  const instanceType =
    context.text('brokerInstanceType', /^mq\.(t3|m5|m7g)\.\w+$/, 'an instance type such as mq.m7g.large') ??
    defaultInstanceType(isCluster, version);
  const isM7g = instanceType.startsWith('mq.m7g.');
  if (version === '4.2' && !isM7g)
    throw new InvalidSetting(`brokerVersion=4.2 runs on mq.m7g instances only, not on ${instanceType}.`);
  if (isCluster && instanceType.endsWith('.micro'))
    throw new InvalidSetting(
      `newBroker=cluster does not run on ${instanceType}: choose a larger instance type.`,
    );
  return {
    kind: 'new',
    name: context.text('brokerName', BROKER_NAME, 'a broker’s name') ?? 'guest-rpc-ping',
    deploymentMode: isCluster ? 'CLUSTER_MULTI_AZ' : 'SINGLE_INSTANCE',
    instanceType,
    version: version ?? (isM7g ? '4.2' : '3.13'),
    isDescribed: context.boolean('describeBroker'),
    vpcCidr:
      context.text('vpcCidr', VPC_CIDR, 'a private block of 256 addresses, such as 10.0.0.0/24') ??
      '10.0.0.0/24',
    secretArn: context.text('brokerSecretArn', SECRET_ARN, SECRET_ARN_KIND),
    knownMaxConnections: MAX_CONNECTIONS[instanceType.split('.')[2] ?? ''],
  };
}

/** The smallest that takes part: 3.13 runs on anything, 4.2 on m7g alone, a cluster not on the tests' sizes. */
function defaultInstanceType(isCluster: boolean, version: string | undefined): string {
  if (isCluster) return 'mq.m7g.large';
  return version === '3.13' ? 'mq.t3.micro' : 'mq.m7g.medium';
}

function readExistingBroker(context: Context, given: string): ExistingBrokerSettings {
  const required = (name: string, pattern: RegExp, kind: string) =>
    context.requiredText(name, `${given} tells of an existing broker, which needs it too`, pattern, kind);
  const id = context.text('brokerId', /^b-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'a broker’s id, b-…');
  const endpoint = context.text(
    'brokerEndpoint',
    /^amqps:\/\/[\w.-]+:5671$/,
    'amqps://host:5671, as Amazon MQ tells it',
  );
  if (id === undefined && endpoint === undefined)
    throw new InvalidSetting(
      `${given} tells of an existing broker, which needs brokerId or brokerEndpoint too.`,
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
    name: required('brokerName', BROKER_NAME, 'a broker’s name'),
    id,
    endpoint,
    secretArn: required('brokerSecretArn', SECRET_ARN, SECRET_ARN_KIND),
    vpcId: required('vpcId', /^vpc-[0-9a-f]{8,17}$/, 'a VPC’s id, vpc-…'),
    subnetIds,
    securityGroupId: required('brokerSecurityGroupId', /^sg-[0-9a-f]{8,17}$/, 'a security group’s id, sg-…'),
    knownMaxConnections: FEWEST_CONNECTIONS,
  };
}
