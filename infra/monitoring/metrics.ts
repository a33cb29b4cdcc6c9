import { type Duration, Stack } from 'aws-cdk-lib';
import { MathExpression, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';

export type Service = 'health-check' | 'rpc-ping';

/** A metric of one of the functions of the stack that `scope` belongs to. */
export function ownMetric(
  scope: Construct,
  service: Service,
  metricName: string,
  options: MetricOptions,
): Metric {
  return new Metric({ namespace: namespaceOf(scope), metricName, dimensionsMap: { service }, ...options });
}

/** The number of unreachable guests, one line in the graph for each reason. */
export function unreachableByReason(scope: Construct, service: Service, period: Duration): MathExpression {
  const schema = `{${quoted(namespaceOf(scope))},Reason,service}`;
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

/**
 * The highest value of the broker's nodes. What Amazon MQ publishes for the whole of a cluster is an aggregate, of which a
 * sum of percentages would ring too early; the nodes' names are not known beforehand.
 */
export function worstNode(brokerName: string, metricName: string, period: Duration): MathExpression {
  const expression = `SELECT MAX(${metricName}) FROM SCHEMA("AWS/AmazonMQ", Broker, Node) WHERE Broker = '${brokerName}'`;
  return new MathExpression({ expression, usingMetrics: {}, period, label: metricName });
}

/** What the functions get as METRICS_NAMESPACE. */
function namespaceOf(scope: Construct): string {
  return Stack.of(scope).stackName;
}

/** As CloudWatch's search wants a name with other characters than letters and digits. */
function quoted(name: string): string {
  return /^\w+$/.test(name) ? name : `"${name}"`;
}
