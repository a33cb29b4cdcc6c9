import type { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { NAMESPACE } from '../functions/telemetry/embedded-metrics.ts';

/** A metric of the health check. */
export function sweepMetric(metricName: string, options: MetricOptions): Metric {
  return new Metric({
    namespace: NAMESPACE,
    metricName,
    dimensionsMap: { service: 'health-check' },
    ...options,
  });
}

/** A metric of the single pings. */
export function pingMetric(metricName: string, options: MetricOptions): Metric {
  return new Metric({ namespace: NAMESPACE, metricName, dimensionsMap: { service: 'rpc-ping' }, ...options });
}

/** The number of unreachable guests, one line in the graph for each reason. */
export function unreachableByReason(service: 'health-check' | 'rpc-ping', period: Duration): MathExpression {
  const schema = `{${NAMESPACE},Reason,service}`;
  const search = `${schema} MetricName="GuestsUnreachable" service="${service}"`;
  return new MathExpression({
    expression: `SEARCH('${search}', '${service === 'health-check' ? 'Maximum' : 'Sum'}')`,
    usingMetrics: {},
    label: "${PROP('Dim.Reason')}",
    period,
  });
}

/** A metric that Amazon MQ publishes for the whole broker. From RabbitMQ 4 on there are none for single queues. */
export function brokerMetric(brokerName: string, metricName: string, options: MetricOptions): Metric {
  return new Metric({
    namespace: 'AWS/AmazonMQ',
    metricName,
    dimensionsMap: { Broker: brokerName },
    ...options,
  });
}
