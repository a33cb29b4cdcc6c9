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

/** A value, or up to {@link MAX_VALUES}, of some of our metrics. */
export type Metrics = { readonly [name in keyof typeof UNITS]?: number | readonly number[] };

/**
 * Metrics as fields of a log line, from which CloudWatch takes them: its embedded metric format (EMF).
 *
 * @param dimensions each a set of fields of that line by which the metrics are to be told apart
 */
export function embedded(
  metrics: Metrics,
  dimensions: readonly (readonly string[])[] = [['service']],
): Record<string, unknown> {
  const definitions = Object.keys(metrics)
    .filter(isMetric)
    .map((Name) => ({ Name, Unit: UNITS[Name] }));
  const directive = { Namespace: NAMESPACE, Dimensions: dimensions, Metrics: definitions };
  return { _aws: { Timestamp: Date.now(), CloudWatchMetrics: [directive] }, ...metrics };
}

function isMetric(name: string): name is keyof typeof UNITS {
  return name in UNITS;
}
