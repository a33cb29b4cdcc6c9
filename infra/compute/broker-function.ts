import { Aws, type Duration, Validations } from 'aws-cdk-lib';
import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { functionCode } from '../bundle/function-code.ts';
import type { Network } from '../network/network.ts';
import { functionParts } from './function-parts.ts';

export interface BrokerFunctionProps {
  /** The entry is `functions/<name>.ts`, the function `<stack>-<name>`. */
  readonly name: string;
  readonly description: string;
  /** The folder of the function's bundle. */
  readonly codePath: string;
  readonly timeout: Duration;
  /** In megabytes; Lambda gives a share of a processor by it, a whole one at 1,769. */
  readonly memoryMb: number;
  /** How many invocations run at once at most, each with one connection to the broker. By default none are reserved. */
  readonly concurrency?: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly network: Network;
  /** undefined: the function may not ask Amazon MQ about the broker. */
  readonly describedBrokerArn: string | undefined;
  readonly readableSecretArns: readonly string[];
  /** Customer managed keys of these secrets. */
  readonly secretsKmsKeyArns: readonly string[];
  /** Besides the network's own; by default none. */
  readonly securityGroups?: readonly ISecurityGroup[];
  /** The PEM file of a private CA, to be laid beside the code; undefined: none. */
  readonly caCertificates?: string | undefined;
}

/** A function that talks to the broker, with a role of its own that lists each permission. */
export class BrokerFunction extends Construct {
  readonly function: LambdaFunction;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: BrokerFunctionProps) {
    super(scope, id);
    const { network, describedBrokerArn } = props;
    const parts = functionParts(this, props.name);
    const { role } = parts;
    this.logGroup = parts.logGroup;
    role.addToPolicy(readSecrets(props.readableSecretArns));
    const keys = props.secretsKmsKeyArns;
    if (keys.length > 0) role.addToPolicy(decryptSecrets(keys));
    if (describedBrokerArn !== undefined) role.addToPolicy(describeBroker(describedBrokerArn));
    for (const statement of attachToVpc(parts.functionName)) role.addToPolicy(statement);
    this.function = new LambdaFunction(this, 'Function', {
      ...parts,
      description: props.description,
      code: functionCode(props.codePath, props.caCertificates),
      memorySize: props.memoryMb,
      timeout: props.timeout,
      ...(props.concurrency !== undefined && { reservedConcurrentExecutions: props.concurrency }),
      environment: { ...props.environment },
      vpc: network.vpc,
      vpcSubnets: network.subnets,
      securityGroups: [network.securityGroup, ...(props.securityGroups ?? [])],
    });
    acknowledgeWildcards(role);
  }
}

function readSecrets(arns: readonly string[]): PolicyStatement {
  return new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [...arns] });
}

function decryptSecrets(keyArns: readonly string[]): PolicyStatement {
  return new PolicyStatement({
    actions: ['kms:Decrypt'],
    resources: [...keyArns],
    conditions: { StringEquals: { 'kms:ViaService': `secretsmanager.${Aws.REGION}.amazonaws.com` } },
  });
}

function describeBroker(arn: string): PolicyStatement {
  return new PolicyStatement({ actions: ['mq:DescribeBroker'], resources: [arn] });
}

/** Lets Lambda attach the function to a VPC, and denies the same actions to the function's own code. */
export function attachToVpc(functionName: string): PolicyStatement[] {
  const actions = [
    'ec2:CreateNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ];
  const functionArn = `arn:${Aws.PARTITION}:lambda:${Aws.REGION}:${Aws.ACCOUNT_ID}:function:${functionName}`;
  return [
    new PolicyStatement({ actions, resources: ['*'] }),
    new PolicyStatement({
      effect: Effect.DENY,
      actions,
      resources: ['*'],
      conditions: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } },
    }),
  ];
}

export function acknowledgeWildcards(role: Role): void {
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      "X-Ray's write actions, and those by which Lambda attaches a function to a VPC, cannot be limited to " +
      "resources known beforehand; the latter are denied to the function's own code.",
  });
}
