import { Duration } from 'aws-cdk-lib';
import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { functionCode } from '../bundle/function-code.ts';
import type { Network } from '../network/network.ts';
import { acknowledgeWildcards, attachToVpc } from './broker-function.ts';
import { CONCURRENCY } from './concurrency.ts';
import { functionParts } from './function-parts.ts';

/** The functions that read the state, by their entries. A month of the history may have 48 MiB. */
const READERS = {
  /** Behind the dashboard's widget, which invokes it with the permissions of whoever looks. */
  'fleet-page': {
    description: 'Shows on the dashboard which Trove guest agents cannot be reached',
    memorySize: 512,
    timeout: Duration.seconds(10),
    reservedConcurrentExecutions: CONCURRENCY.page,
  },
  /** Behind `GET /fleet`. Lambda gives the share of a processor by the memory: 40,000 guests within seconds. */
  fleet: {
    description: 'Lists what the last sweep found, for monitoring systems',
    memorySize: 1024,
    timeout: Duration.seconds(20),
    reservedConcurrentExecutions: CONCURRENCY.fleet,
  },
} as const;

export interface StateReaderProps {
  readonly name: keyof typeof READERS;
  /** The folder of the function's bundle. */
  readonly codePath: string;
  /** Where the health check keeps the state: its URL, and what this function may do there. */
  readonly state: { readonly url: string; readonly reading: readonly PolicyStatement[] };
  readonly rateMinutes: number;
  /** How Keystone is asked about callers; undefined: AWS checks them, and the function is in no VPC, so that it reaches S3. */
  readonly keystone?:
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

/** A function that reads the state, and reaches neither the broker nor a secret. */
export class StateReader extends Construct {
  readonly function: LambdaFunction;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: StateReaderProps) {
    super(scope, id);
    const { name, codePath, state, rateMinutes, keystone } = props;
    const parts = functionParts(this, name);
    const { role } = parts;
    this.logGroup = parts.logGroup;
    const inVpc = keystone ? attachToVpc(parts.functionName) : [];
    for (const statement of [...state.reading, ...inVpc]) role.addToPolicy(statement);
    this.function = new LambdaFunction(this, 'Function', {
      ...parts,
      ...READERS[name],
      code: functionCode(codePath, keystone?.caCertificates),
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
    acknowledgeWildcards(role);
  }
}
