import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

const logger = new Logger({ serviceName: 'usual-way' });
const metrics = new Metrics({ namespace: 'UsualWay', serviceName: 'usual-way' });

/** Writes the log line and the metric of a ping that was answered, with Powertools. */
export function recordPing(instanceId: string, roundTripMs: number): void {
  logger.info('rpc_ping', { instance_id: instanceId, outcome: 'reachable' });
  metrics.addMetric('RoundTripTime', MetricUnit.Milliseconds, roundTripMs);
  metrics.publishStoredMetrics();
}
