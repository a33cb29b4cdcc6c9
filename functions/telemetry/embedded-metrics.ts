/** Of all our metrics. The stack sets its own name, so that the metrics of two stacks stay apart. */
export const NAMESPACE = process.env['METRICS_NAMESPACE'] || 'GuestRpcPing';

/** What CloudWatch takes of one metric from one line. */
export const MAX_VALUES = 100;

/** Each of our metrics, with its unit. */
const UNITS = {
  BrokerReachable: 'Count',
  SweepComplete: 'Count',
  GuestsChecked: 'Count',
  GuestsReachable: 'Count',
  GuestsUnreachable: 'Count',
  GuestsUnknown: 'Count',
  FleetStateKept: 'Count',
  RoundTripTime: 'Milliseconds',
  SweepDuration: 'Milliseconds',
} as const;

type MetricName = keyof typeof UNITS;

/** A value, or up to {@link MAX_VALUES}, of some of our metrics. */
export type Metrics = { readonly [name in MetricName]?: number | readonly number[] };

type Dimensions = readonly (readonly string[])[];

/**
 * Metrics as fields of a log line, from which CloudWatch takes them: its embedded metric format (EMF).
 *
 * @param dimensions each a set of fields of that line by which the metrics are to be told apart
 */
export function embedded(metrics: Metrics, dimensions?: Dimensions): Record<string, unknown> {
  return embedding(Object.keys(metrics).filter(isMetric), dimensions)(metrics);
}

/** The same for lines that have the same metrics, with values of their own. */
export function embedding(
  names: readonly MetricName[],
  dimensions: Dimensions = [['service']],
): (metrics: Metrics) => Record<string, unknown> {
  const definitions = names.map((Name) => ({ Name, Unit: UNITS[Name] }));
  const directives = [{ Namespace: NAMESPACE, Dimensions: dimensions, Metrics: definitions }];
  return (metrics) => ({ _aws: { Timestamp: Date.now(), CloudWatchMetrics: directives }, ...metrics });
}

function isMetric(name: string): name is MetricName {
  return name in UNITS;
}
