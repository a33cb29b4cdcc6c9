import { CfnLogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** How long logs are kept, unless a deployment's `logRetentionDays` says otherwise. */
export const LOG_RETENTION = RetentionDays.ONE_MONTH;

export function logGroupsOf(scope: Construct): CfnLogGroup[] {
  return scope.node.findAll().filter((one) => CfnLogGroup.isCfnLogGroup(one));
}
