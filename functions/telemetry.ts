import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { RequestContext } from './guest/context.ts';
import { REASONS } from './guest/reason.ts';
import type { PingResult, Unreachable } from './guest/rpc-ping.ts';

/** The service name, of logs and as the metrics' dimension, of the function that answers pings. */
const SERVICE = 'rpc-ping';

export const logger = new Logger({ serviceName: SERVICE });
const metrics = new Metrics({ namespace: 'GuestRpcPing', serviceName: SERVICE });

/** One log line and one EMF line for one ping. The instance is a property of the metrics, never a dimension. */
export function recordPing({ instanceId, tenantId, requestId }: RequestContext, result: PingResult): void {
  const roundTripMs = 'roundTripMs' in result ? result.roundTripMs : undefined;
  logger.info('rpc_ping', {
    request_id: requestId,
    tenant_id: tenantId,
    instance_id: instanceId,
    outcome: result.reachable ? 'reachable' : 'unreachable',
    ...(roundTripMs === undefined ? {} : { round_trip_ms: rounded(roundTripMs) }),
    ...(result.reachable ? {} : whyUnreachable(result)),
  });

  const { reachable } = result;
  metrics.addMetadata('instance_id', instanceId);
  metrics.addMetadata('request_id', requestId);
  metrics.addMetric(reachable ? 'GuestsReachable' : 'GuestsUnreachable', MetricUnit.Count, 1);
  if (roundTripMs !== undefined) {
    metrics.addMetric('RoundTripTime', MetricUnit.Milliseconds, rounded(roundTripMs));
  }
  if ('reason' in result) metrics.addDimensions({}).addDimensions({ Reason: result.reason });
  metrics.publishStoredMetrics();
}

function whyUnreachable(result: Unreachable): Record<string, unknown> {
  const { reason, cause } = result;
  const { means, todo } = REASONS[reason];
  return {
    reason,
    cause,
    means,
    todo,
    ...('waitingMessages' in result ? { waiting_messages: result.waitingMessages } : {}),
    ...('traceback' in result ? { traceback: result.traceback } : {}),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
