import { join } from 'node:path';
import { Aws, Stack, Validations } from 'aws-cdk-lib';
import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { FunctionName } from '../bundle/bundles.ts';
import { functionCode } from '../bundle/function-code.ts';
import { LOG_RETENTION } from '../monitoring/log-retention.ts';
import type { Network } from '../network/network.ts';

/** `memorySize`: Lambda gives a share of a processor by it, a whole one at 1,769 MB. */
export interface StackFunctionProps
  extends Pick<
    lambda.FunctionOptions,
    'description' | 'timeout' | 'memorySize' | 'environment' | 'reservedConcurrentExecutions'
  > {
  /** The entry is `functions/<name>.ts`, the function `<stack>-<name>`. */
  readonly name: FunctionName;
  /** The folder that has the functions' bundles. */
  readonly bundles: string;
  /** What the function may do, beside writing its log and its traces. */
  readonly statements: readonly PolicyStatement[];
  /** undefined: the function is in no VPC, and so reaches S3. */
  readonly network?: Network | undefined;
  /** Of the ways from that network. */
  readonly securityGroups?: readonly (ISecurityGroup | undefined)[];
  /** The PEM file of a private CA, to be laid beside the code; undefined: none. */
  readonly caCertificates?: string | undefined;
}

/** A function, with a log group of its own, and a role of its own that lists each permission. */
export class StackFunction extends Construct {
  readonly function: lambda.Function;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: StackFunctionProps) {
    super(scope, id);
    const { name, bundles, statements, network, securityGroups = [], caCertificates, ...options } = props;
    const functionName = `${Stack.of(this).stackName}-${name}`;
    this.logGroup = new LogGroup(this, 'Log', { retention: LOG_RETENTION });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(role);
    const inVpc = network ? attachToVpc(functionName) : [];
    for (const statement of [...statements, ...inVpc]) role.addToPolicy(statement);
    this.function = new lambda.Function(this, 'Function', {
      ...options,
      functionName,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: functionCode(join(bundles, name), caCertificates),
      role,
      logGroup: this.logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      applicationLogLevelV2: lambda.ApplicationLogLevel.INFO, // the lines with the metrics have this level
      tracing: lambda.Tracing.ACTIVE,
      ...(network && {
        vpc: network.vpc,
        vpcSubnets: network.subnets,
        securityGroups: securityGroups.filter((group) => group !== undefined),
      }),
    });
    Validations.of(this).acknowledge({
      id: 'Serverless-LambdaDLQ',
      reason: 'Somebody waits for the answer of each invocation; the next sweep does the work of a lost one.',
    });
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        "X-Ray's write actions, and those by which Lambda attaches a function to a VPC, cannot be limited to " +
        "resources known beforehand; the latter are denied to the function's own code.",
    });
  }
}

/** Lets Lambda attach the function to a VPC, and denies the same actions to the function's own code. */
function attachToVpc(functionName: string): PolicyStatement[] {
  const actions = [
    'ec2:CreateNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ];
  const functionArn = `arn:${Aws.PARTITION}:lambda:${Aws.REGION}:${Aws.ACCOUNT_ID}:function:${functionName}`;
  const conditions = { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } };
  return [
    new PolicyStatement({ actions, resources: ['*'] }),
    new PolicyStatement({ effect: Effect.DENY, actions, resources: ['*'], conditions }),
  ];
}
