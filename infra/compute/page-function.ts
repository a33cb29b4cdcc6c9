import { Duration, Validations } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Code, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { CONCURRENCY } from './concurrency.ts';
import { functionParts } from './function-parts.ts';

export interface PageFunctionProps {
  /** The folder of the function's bundle. */
  readonly codePath: string;
  /** Where the health check keeps the state: its URL, and what a function that reads the state may do. */
  readonly state: { readonly url: string; readonly reading: readonly PolicyStatement[] };
  readonly rateMinutes: number;
}

/**
 * The function behind the dashboard's widget. The dashboard invokes it with the permissions of whoever looks. The
 * function reads the state and nothing else, so it is in no VPC, from where S3 could not be reached without an endpoint.
 */
export class PageFunction extends Construct {
  readonly function: LambdaFunction;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: PageFunctionProps) {
    super(scope, id);
    const parts = functionParts(this, 'fleet-page');
    const { role } = parts;
    this.logGroup = parts.logGroup;
    for (const statement of props.state.reading) role.addToPolicy(statement);
    this.function = new LambdaFunction(this, 'Function', {
      ...parts,
      description: 'Shows on the dashboard which Trove guest agents cannot be reached',
      code: Code.fromAsset(props.codePath),
      memorySize: 512, // a month of the history may have 48 MiB
      timeout: Duration.seconds(10),
      reservedConcurrentExecutions: CONCURRENCY.page,
      environment: {
        FLEET_STATE_URL: props.state.url,
        HEALTH_CHECK_RATE_MINUTES: String(props.rateMinutes),
      },
    });
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: "X-Ray's write actions cannot be limited to resources.",
    });
  }
}
