import { Duration, Validations } from 'aws-cdk-lib';
import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { functionCode } from '../bundle/function-code.ts';
import type { Network } from '../network/network.ts';
import { attachToVpc } from './broker-function.ts';
import { CONCURRENCY } from './concurrency.ts';
import { functionParts } from './function-parts.ts';

export interface FleetFunctionProps {
  /** The folder of the function's bundle. */
  readonly codePath: string;
  /** Where the health check keeps the state: its URL, and what a function that reads the state may do. */
  readonly state: { readonly url: string; readonly reading: readonly PolicyStatement[] };
  readonly rateMinutes: number;
  /** How Keystone is asked about callers; undefined: API Gateway checks them, and the function is in no VPC. */
  readonly keystone:
    | {
        readonly network: Network;
        /** Of the ways to Keystone and to S3. */
        readonly securityGroups: readonly ISecurityGroup[];
        readonly variables: Readonly<Record<string, string>>;
        /** The PEM file of a private CA; undefined: none. */
        readonly caCertificates: string | undefined;
      }
    | undefined;
}

/** The function behind `GET /fleet`: it reads the state, and reaches neither the broker nor a secret. */
export class FleetFunction extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, { codePath, state, rateMinutes, keystone }: FleetFunctionProps) {
    super(scope, id);
    const parts = functionParts(this, 'fleet');
    const { role } = parts;
    const inVpc = keystone ? attachToVpc(parts.functionName) : [];
    for (const statement of [...state.reading, ...inVpc]) role.addToPolicy(statement);
    this.function = new LambdaFunction(this, 'Function', {
      ...parts,
      description: 'Lists what the last sweep found, for monitoring systems',
      code: functionCode(codePath, keystone?.caCertificates),
      memorySize: 1024, // by which Lambda gives the share of a processor: 40,000 guests within seconds
      timeout: Duration.seconds(20),
      reservedConcurrentExecutions: CONCURRENCY.fleet,
      environment: {
        FLEET_STATE_URL: state.url,
        HEALTH_CHECK_RATE_MINUTES: String(rateMinutes),
        ...keystone?.variables,
      },
      ...(keystone && {
        vpc: keystone.network.vpc,
        vpcSubnets: keystone.network.subnets,
        securityGroups: [...keystone.securityGroups],
      }),
    });
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        "X-Ray's write actions, and those by which Lambda attaches a function to a VPC, cannot be limited to resources.",
    });
  }
}
