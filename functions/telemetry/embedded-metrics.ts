/** The namespace of all metrics. The stack sets its own name, which keeps the metrics of two stacks apart. */
export const NAMESPACE = process.env['METRICS_NAMESPACE'] || 'GuestRpcPing';

/** How many values of one metric CloudWatch takes from one line. */
export const MAX_VALUES = 100;

const UNITS = {
  BrokerReachable: 'Count',
  SweepComplete: 'Count',
  GuestsChecked: 'Count',
  GuestsReachable: 'Count',
  GuestsUnreachable: 'Count',
  GuestsUnknown: 'Count',
  GuestsUnencrypted: 'Count',
  GuestsNew: 'Count',
  GuestsAbandoned: 'Count',
  GuestsExpectedSilent: 'Count',
  GuestsMuted: 'Count',
  OrphanedQueues: 'Count',
  FleetStateKept: 'Count',
  FleetShrank: 'Count',
  ControlPlaneUnreachable: 'Count',
  RoundTripTime: 'Milliseconds',
  SweepDuration: 'Milliseconds',
} as const;

type MetricName = keyof typeof UNITS;

/** A value, or up to {@link MAX_VALUES}, of some of the metrics. */
export type Metrics = { readonly [name in MetricName]?: number | readonly number[] };

type Dimensions = readonly (readonly string[])[];

/**
 * Metrics as fields of a log line, from which CloudWatch reads them: its embedded metric format (EMF).
 *
 * @param dimensions each a set of that line's fields by which CloudWatch separates the metrics
 */
export function embedded(metrics: Metrics, dimensions?: Dimensions): Record<string, unknown> {
  return embedding(Object.keys(metrics).filter(isMetric), dimensions)(metrics);
}

/** The same for many lines with the same metrics: the definitions are made once. */
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
