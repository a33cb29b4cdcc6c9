import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Sweep } from './guest/sweep.ts';
import { roundTrips, type Summary, unreachableGuests } from './summary.ts';
import { NAMESPACE, rounded, whyUnreachable } from './telemetry.ts';

/** The service name, of logs and as the metrics' dimension, of the function that sweeps the fleet. */
const SERVICE = 'health-check';

/** CloudWatch takes 100 values of a metric in one EMF line; with the hundredth, Powertools publishes by itself. */
const MAX_VALUES = 99;

export const logger = new Logger({ serviceName: SERVICE });
const metrics = new Metrics({ namespace: NAMESPACE, serviceName: SERVICE });

/** One log line for the sweep, one for each unreachable guest, and the metrics (EMF). */
export function recordSweep(requestId: string, sweep: Sweep, summary: Summary): void {
  for (const [instanceId, why] of unreachableGuests(sweep)) {
    logger.warn('guest_unreachable', {
      request_id: requestId,
      instance_id: instanceId,
      outcome: 'unreachable',
      ...whyUnreachable(why),
    });
  }
  const line = { request_id: requestId, outcome: outcomeOf(summary), ...summary };
  if (summary.error) logger.error('health_check', line);
  else logger.info('health_check', line);
  recordMetrics(requestId, sweep, summary);
}

function outcomeOf({ error, unreachable }: Summary): string {
  if (error) return 'error';
  return unreachable > 0 ? 'unreachable' : 'reachable';
}

function recordMetrics(requestId: string, sweep: Sweep, summary: Summary): void {
  metrics.addMetadata('request_id', requestId);
  metrics.addMetric('BrokerReachable', MetricUnit.Count, summary.broker_reachable ? 1 : 0);
  metrics.addMetric('SweepComplete', MetricUnit.Count, summary.error ? 0 : 1);
  metrics.addMetric('GuestsChecked', MetricUnit.Count, summary.checked);
  if (summary.checked > 0 || !summary.error) {
    // Where nobody could be checked, that none is unreachable would be a lie.
    metrics.addMetric('GuestsReachable', MetricUnit.Count, summary.reachable);
    metrics.addMetric('GuestsUnreachable', MetricUnit.Count, summary.unreachable);
  }
  metrics.addMetric('GuestsUnknown', MetricUnit.Count, summary.unknown);
  metrics.addMetric('SweepDuration', MetricUnit.Milliseconds, summary.duration_ms);
  metrics.publishStoredMetrics();

  for (const [reason, count] of Object.entries(summary.unreachable_by_reason)) {
    const byReason = metrics.singleMetric();
    byReason.addDimension('Reason', reason);
    byReason.addMetric('GuestsUnreachable', MetricUnit.Count, count);
  }

  const times = sample(roundTrips(sweep));
  for (const ms of times) metrics.addMetric('RoundTripTime', MetricUnit.Milliseconds, rounded(ms));
  if (times.length > 0) metrics.publishStoredMetrics();
}

/** All values, or as many as one EMF line takes, evenly from the least to the greatest: the percentiles stay. */
function sample(ascending: Float64Array): number[] {
  const { length } = ascending;
  if (length <= MAX_VALUES) return [...ascending];
  return Array.from(
    { length: MAX_VALUES },
    (_, index) => ascending[Math.round((index * (length - 1)) / (MAX_VALUES - 1))] ?? 0,
  );
}
