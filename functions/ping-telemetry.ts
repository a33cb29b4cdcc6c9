import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { RequestContext } from './guest/context.ts';
import type { PingResult } from './guest/rpc-ping.ts';
import { NAMESPACE, rounded, whyUnreachable } from './telemetry.ts';

/** The service name, of logs and as the metrics' dimension, of the function that answers pings. */
const SERVICE = 'rpc-ping';

export const logger = new Logger({ serviceName: SERVICE });
const metrics = new Metrics({ namespace: NAMESPACE, serviceName: SERVICE });

/** One log line for one ping, with the metrics in it. The instance is a property of the metrics, never a dimension. */
export function recordPing({ instanceId, tenantId, requestId }: RequestContext, result: PingResult): void {
  const roundTripMs = 'roundTripMs' in result ? result.roundTripMs : undefined;
  logger.info('rpc_ping', {
    request_id: requestId,
    tenant_id: tenantId,
    instance_id: instanceId,
    outcome: result.reachable ? 'reachable' : 'unreachable',
    ...(roundTripMs === undefined ? {} : { round_trip_ms: rounded(roundTripMs) }),
    ...(result.reachable ? {} : whyUnreachable(result)),
    ...embeddedMetrics(result, roundTripMs),
  });
}

/** In CloudWatch's embedded metric format, which takes them from any line that has its `_aws`. */
function embeddedMetrics(result: PingResult, roundTripMs: number | undefined): object {
  metrics.addMetric(result.reachable ? 'GuestsReachable' : 'GuestsUnreachable', MetricUnit.Count, 1);
  if (roundTripMs !== undefined) {
    metrics.addMetric('RoundTripTime', MetricUnit.Milliseconds, rounded(roundTripMs));
  }
  if ('reason' in result) metrics.addDimensions({}).addDimensions({ Reason: result.reason });
  try {
    const { service, ...embedded } = metrics.serializeMetrics(); // the logger writes the same `service`
    return embedded;
  } finally {
    metrics.clearMetrics();
    metrics.clearDimensions();
  }
}
