import { Stack, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { ApplicationLogLevel, Architecture, LoggingFormat, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** What all functions have in common: a role and a log group of their own, the runtime, logs in JSON, traces. */
export function functionParts(scope: Construct, name: string) {
  const logGroup = new LogGroup(scope, 'Log', { retention: RetentionDays.ONE_MONTH });
  const role = new Role(scope, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  logGroup.grantWrite(role);
  Validations.of(scope).acknowledge({
    id: 'Serverless-LambdaDLQ',
    reason: 'Somebody waits for the answer of each invocation; the next sweep does the work of a lost one.',
  });
  return {
    functionName: `${Stack.of(scope).stackName}-${name}`,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler: 'index.handler',
    role,
    logGroup,
    loggingFormat: LoggingFormat.JSON,
    applicationLogLevelV2: ApplicationLogLevel.INFO, // the lines with the metrics have this level
    tracing: Tracing.ACTIVE,
  };
}
