import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

export interface PageFunctionProps {
  /** The folder of the function's bundle. */
  readonly codePath: string;
  /** Where the health check keeps the state: its URL, and what a function that reads the state may do. */
  readonly state: { readonly url: string; readonly reading: readonly PolicyStatement[] };
  readonly rateMinutes: number;
}

/** How many dashboards are served at once; each takes a fraction of a second. */
const PAGE_CONCURRENCY = 2;

/**
 * The function behind the dashboard's widget. The dashboard invokes it with the permissions of whoever looks. The
 * function reads the state and nothing else, so it is in no VPC, from where S3 could not be reached without an endpoint.
 */
export class PageFunction extends Construct {
  readonly function: LambdaFunction;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: PageFunctionProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, 'Log', { retention: RetentionDays.ONE_MONTH });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(role);
    for (const statement of props.state.reading) role.addToPolicy(statement);
    this.function = new LambdaFunction(this, 'Function', {
      functionName: `${Stack.of(this).stackName}-fleet-page`,
      description: 'Shows on the dashboard which Trove guest agents cannot be reached',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(props.codePath),
      memorySize: 256,
      timeout: Duration.seconds(10),
      reservedConcurrentExecutions: PAGE_CONCURRENCY,
      environment: {
        FLEET_STATE_URL: props.state.url,
        HEALTH_CHECK_RATE_MINUTES: String(props.rateMinutes),
      },
      role,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      tracing: Tracing.ACTIVE,
    });
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: "X-Ray's write actions cannot be limited to resources.",
    });
  }
}
