import { Duration, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IDestination, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression, TimeWindow } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { Construct } from 'constructs';

/** The scheduler's window, and the time that remains for a sweep before the next one may begin. */
export function sweepTiming(rateMinutes: number): { readonly window: Duration; readonly timeout: Duration } {
  const windowMinutes = Math.max(1, Math.floor(rateMinutes / 5));
  const timeoutMinutes = Math.min(15, rateMinutes - windowMinutes); // 15: Lambda's own limit
  return { window: Duration.minutes(windowMinutes), timeout: Duration.minutes(timeoutMinutes) };
}

/**
 * Invokes the health check at a rate. A sweep that fails or starts late is not repeated, since the next sweep pings the
 * same guests; so there is no dead-letter queue either. The alarm `NoSweep` rings when sweeps fail to end.
 *
 * @param onSuccess where Lambda puts the result of a sweep that was asked for asynchronously; undefined: nowhere
 */
export function scheduleSweeps(
  scope: Construct,
  sweep: LambdaFunction,
  rateMinutes: number,
  onSuccess: IDestination | undefined,
): void {
  const once = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };
  // Lambda's defaults would retry a sweep twice, and keep a throttled one for six hours.
  sweep.configureAsyncInvoke({ ...once, ...(onSuccess && { onSuccess }) });
  Validations.of(sweep).acknowledge({
    id: 'Serverless-LambdaAsyncFailureDestination',
    reason:
      'The alarms SweepErrors and NoSweep tell of a failed sweep, and the next one pings the same guests.',
  });
  const role = new Role(scope, 'Role', {
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  });
  role.addToPolicy(
    new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [sweep.functionArn] }),
  );
  new Schedule(scope, 'Schedule', {
    description: 'Guest RPC Ping: pings all guests',
    schedule: ScheduleExpression.rate(Duration.minutes(rateMinutes)),
    timeWindow: TimeWindow.flexible(sweepTiming(rateMinutes).window),
    target: new LambdaInvoke(sweep, {
      ...once,
      role: role.withoutPolicyUpdates(), // CDK's own policy would grant the function's versions and aliases too
    }),
  });
}
