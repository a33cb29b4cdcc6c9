import { toJsonSchema } from '@valibot/to-json-schema';
import { App, CfnParameter, type CfnParameterProps, Fn, Stack } from 'aws-cdk-lib';
import { SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import * as v from 'valibot';
import { GuestRpcPing } from '../guest-rpc-ping.ts';
import { addOutputs } from '../outputs.ts';
import { DEPLOYMENT } from '../settings/deployment-settings.ts';

/** What CloudFormation computes in a deployment, and CDK needs as a text or a number beforehand. */
const STACK = 'STACK-NAME';
const MAX_CONNECTIONS = 1_000_000_007;
const MAX_QUEUES = 1_000_000_009;

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/**
 * The functions beside an existing broker as one CloudFormation template, which needs no CDK: its parameters say where the
 * broker is and in which bucket the functions' zips are.
 *
 * @param folder where CDK may write
 */
export function plainTemplate(folder: string, bundles: string): Json {
  const app = new App({ outdir: folder, builtinCloudFormationValidation: false }); // which would miss what is replaced below
  const stack = new Stack(app, STACK, {
    description:
      'Guest RPC Ping: whether Trove guest agents can be reached over RPC. The name of the stack has at most 51 characters',
  });
  const parameter = (id: string, description: string, held: CfnParameterProps = {}) =>
    new CfnParameter(stack, id, { description, ...held });
  parameter('CodeBucket', 'the bucket, in this region, that has the zips of the functions', {
    allowedPattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
    constraintDescription: "must be a bucket's name, without s3:// and without a path",
  });
  parameter('CodePrefix', 'what stands before their names there, such as guest-rpc-ping/', {
    default: '',
    allowedPattern: '^([^/ ][^ ]*/)?$',
    constraintDescription: 'must be empty, or end with a slash and not begin with one',
  });
  const subnets = parameter('SubnetIds', 'two private subnets that reach the broker', {
    type: 'List<AWS::EC2::Subnet::Id>',
  });
  const many = asSetting('brokerMaxConnections');
  const alarmAt = { ...many, minValue: 1, constraintDescription: 'must be a number from 1 to 1000000' };
  parameter(
    'ConnectionsAlarmAt',
    'how many connections are too many: 80 % of what the broker takes',
    alarmAt,
  );
  parameter('QueuesAlarmAt', 'how many queues are too many: 80 % of what the broker takes', alarmAt);
  parameter('BrokerMaxConnections', 'how many connections the broker takes, on all nodes together', many);
  parameter('BrokerMaxQueues', 'how many queues the broker takes', asSetting('brokerMaxQueues'));
  const text = (...is: Parameters<typeof parameter>) => parameter(...is).valueAsString;
  const props = {
    bundles,
    vpc: Vpc.fromVpcAttributes(stack, 'VpcById', {
      vpcId: text('Vpc', 'the VPC of the broker', { type: 'AWS::EC2::VPC::Id' }),
      availabilityZones: [0, 1].map((index) => Fn.select(index, Fn.getAzs())),
      isolatedSubnetIds: [0, 1].map((index) => Fn.select(index, subnets.valueAsList)),
    }),
    broker: {
      name: text('BrokerName', 'by which its metrics are found', asSetting('brokerName')),
      endpoint: text('BrokerUrl', 'amqps://host:5671', asSetting('brokerEndpoint')),
      secret: Secret.fromSecretCompleteArn(
        stack,
        'SecretByArn',
        text(
          'BrokerSecretArn',
          "the full ARN of the secret with the functions' user",
          asSetting('brokerSecretArn'),
        ),
      ),
      securityGroup: SecurityGroup.fromSecurityGroupId(
        stack,
        'BrokerById',
        text('BrokerSecurityGroupId', 'gets two rules', { type: 'AWS::EC2::SecurityGroup::Id' }),
      ),
      maxConnections: MAX_CONNECTIONS,
      maxQueues: MAX_QUEUES,
    },
    s3: {
      prefixListId: text(
        'S3PrefixListId',
        "AWS's list of S3's addresses; the subnets have a gateway endpoint",
        asSetting('s3PrefixListId'),
      ),
    },
    pingConcurrency: parameter('PingConcurrency', 'how many pings run at once', {
      ...asSetting('pingConcurrency'),
      default: 10,
    }).valueAsNumber,
    controlExchange: text('ControlExchange', "Trove's control_exchange", asSetting('controlExchange')),
    brokerVhost: text('BrokerVhost', 'the virtual host', asSetting('brokerVhost')),
  };
  addOutputs(stack, new GuestRpcPing(stack, 'Default', props), props);
  const { Rules: _, Parameters, ...template } = app.synth().getStackByName(STACK).template;
  const { BootstrapVersion: __, ...own } = Parameters; // of CDK's own bucket
  return plain({ ...template, Parameters: own });
}

const [, EXISTING] = DEPLOYMENT.options;
const SCHEMA = toJsonSchema(EXISTING, { errorMode: 'ignore', typeMode: 'input' });

/** A parameter that takes what this setting of a file takes, and says the same of anything else. */
function asSetting(name: keyof typeof EXISTING.entries): CfnParameterProps {
  const { type, default: byDefault, pattern, minimum, maximum } = Object(SCHEMA.properties?.[name]);
  const { issues: [issue] = [] } = v.safeParse(EXISTING.entries[name], {});
  return {
    type: type === 'integer' ? 'Number' : 'String',
    default: byDefault,
    allowedPattern: pattern,
    minValue: minimum,
    maxValue: maximum,
    ...(issue && { constraintDescription: issue.message }),
  };
}

const ALARMS: ReadonlyMap<unknown, string> = new Map([
  [Math.ceil(0.8 * MAX_CONNECTIONS), 'ConnectionsAlarmAt'],
  [Math.ceil(0.8 * MAX_QUEUES), 'QueuesAlarmAt'],
]);

const COMPUTED: readonly (readonly [string, string])[] = [
  [STACK, '${AWS::StackName}'],
  [String(MAX_CONNECTIONS), '${BrokerMaxConnections}'],
  [String(MAX_QUEUES), '${BrokerMaxQueues}'],
];

/** Puts parameters in the place of what CDK had to know, and of its own bucket. */
function plain(value: Json): Json {
  if (typeof value === 'number') return ALARMS.has(value) ? { Ref: ALARMS.get(value) ?? '' } : value;
  if (typeof value === 'string') {
    if (!COMPUTED.some(([known]) => value.includes(known))) return value;
    const text = value.replaceAll('${', '${!');
    return { 'Fn::Sub': COMPUTED.reduce((all, [known, computed]) => all.replaceAll(known, computed), text) };
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  const { FunctionName: name, Code: code } = Object(value);
  const withCode =
    typeof name === 'string' && code?.S3Bucket !== undefined
      ? {
          ...value,
          Code: {
            S3Bucket: { Ref: 'CodeBucket' },
            S3Key: { 'Fn::Sub': `\${CodePrefix}${name.slice(STACK.length + 1)}.zip` },
          },
        }
      : value;
  return Object.fromEntries(Object.entries(withCode).map(([key, inner]) => [key, plain(inner)]));
}
