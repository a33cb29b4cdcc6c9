import { App, CfnParameter, Fn, Stack } from 'aws-cdk-lib';
import { SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Bundles } from '../bundle/bundles.ts';
import { GuestRpcPing } from '../guest-rpc-ping.ts';
import { addOutputs } from '../outputs.ts';

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
export function plainTemplate(folder: string, bundles: Bundles): Json {
  const app = new App({ outdir: folder, builtinCloudFormationValidation: false }); // which would miss what is replaced below
  const stack = new Stack(app, STACK, {
    description: 'Guest RPC Ping: whether Trove guest agents can be reached over RPC',
  });
  const parameter = (id: string, description: string, type = 'String', byDefault?: string | number) =>
    new CfnParameter(stack, id, {
      type,
      description,
      ...(byDefault !== undefined && { default: byDefault }),
    });
  parameter('CodeBucket', 'the bucket, in this region, that has the zips of the functions');
  parameter('CodePrefix', 'what stands before their names there, such as guest-rpc-ping/', 'String', '');
  const subnets = parameter(
    'SubnetIds',
    'two private subnets that reach the broker',
    'List<AWS::EC2::Subnet::Id>',
  );
  parameter(
    'ConnectionsAlarmAt',
    'how many connections are too many: 80 % of what the broker takes',
    'Number',
  );
  parameter('QueuesAlarmAt', 'how many queues are too many: 80 % of what the broker takes', 'Number');
  parameter('BrokerMaxConnections', 'how many connections the broker takes, on all nodes together', 'Number');
  parameter('BrokerMaxQueues', 'how many queues the broker takes', 'Number');
  const text = (...is: Parameters<typeof parameter>) => parameter(...is).valueAsString;
  const props = {
    bundles,
    vpc: Vpc.fromVpcAttributes(stack, 'VpcById', {
      vpcId: text('Vpc', 'the VPC of the broker', 'AWS::EC2::VPC::Id'),
      availabilityZones: [0, 1].map((index) => Fn.select(index, Fn.getAzs())),
      isolatedSubnetIds: [0, 1].map((index) => Fn.select(index, subnets.valueAsList)),
    }),
    broker: {
      name: text('BrokerName', 'by which its metrics are found'),
      endpoint: text('BrokerUrl', 'amqps://host:5671'),
      secret: Secret.fromSecretCompleteArn(
        stack,
        'SecretByArn',
        text('BrokerSecretArn', "the full ARN of the secret with the functions' user"),
      ),
      securityGroup: SecurityGroup.fromSecurityGroupId(
        stack,
        'BrokerById',
        text('BrokerSecurityGroupId', 'gets two rules', 'AWS::EC2::SecurityGroup::Id'),
      ),
      maxConnections: MAX_CONNECTIONS,
      maxQueues: MAX_QUEUES,
    },
    s3: {
      prefixListId: text(
        'S3PrefixListId',
        "AWS's list of S3's addresses; the subnets have a gateway endpoint",
      ),
    },
    pingConcurrency: parameter('PingConcurrency', 'how many pings run at once', 'Number', 10).valueAsNumber,
    controlExchange: text('ControlExchange', "Trove's control_exchange", 'String', 'trove'),
    brokerVhost: text('BrokerVhost', 'the virtual host', 'String', '/'),
  };
  addOutputs(stack, new GuestRpcPing(stack, 'Default', props), props);
  const { Rules: _, Parameters, ...template } = app.synth().getStackByName(STACK).template;
  const { BootstrapVersion: __, ...own } = Parameters; // of CDK's own bucket
  return plain({ ...template, Parameters: own });
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
