import { APART } from '../sweep/sweep-result.ts';
import type { FleetStatus, GuestStatus } from './fleet-status.ts';

/** Prometheus' text format 0.0.4, or OpenMetrics 1.0. */
export type MetricsFormat = 'prometheus' | 'openmetrics';

type Labels = Readonly<Record<string, string | undefined>>;

/** One without a value is left out. */
type Samples = Iterable<readonly [labels: Labels, value: number | boolean | undefined]>;

/**
 * The status of the fleet as gauges. Written by hand, line by line: prom-client (15.1) keeps each of 100,000 samples as an
 * object, and makes one text of them all.
 */
export function* metricsText(
  status: FleetStatus,
  guests: readonly GuestStatus[] | undefined,
  format: MetricsFormat,
): Iterable<string> {
  for (const [name, [help, samples]] of Object.entries(gauges(status, guests ?? []))) {
    yield `# HELP ${name} ${escaped(help)}\n# TYPE ${name} gauge\n`;
    if (format === 'openmetrics' && name.endsWith('_seconds')) yield `# UNIT ${name} seconds\n`;
    for (const [labels, value] of samples)
      if (value !== undefined) yield `${name}${labelsText(labels)} ${Number(value)}\n`;
  }
  if (format === 'openmetrics') yield '# EOF\n';
}

/** By name, whose end is the unit. The sweep's come first: what a reader of the first lines wants to know. */
function gauges(
  { sweep, isStale, controlPlane }: FleetStatus,
  guests: readonly GuestStatus[],
): Readonly<Record<string, readonly [help: string, samples: Samples]>> {
  const one = (value: number | boolean): Samples => [[{}, value]];
  const states = ['reachable', 'unreachable', 'unknown', ...APART] as const;
  const topics = controlPlane.filter((each) => each.reachable !== null);
  const ofGuests = (sampleOf: (guest: GuestStatus) => number | undefined): Samples =>
    guests.values().map((guest) => [{ instance_id: guest.instance_id }, sampleOf(guest)]);
  return {
    rpc_ping_sweep_timestamp_seconds: [
      'When the last sweep of the fleet ended, Unix time.',
      one(Date.parse(sweep.at) / 1000),
    ],
    rpc_ping_sweep_duration_seconds: ['How long the last sweep took.', one(sweep.duration_ms / 1000)],
    rpc_ping_sweep_complete: [
      '1: all guests have a verdict; 0: something kept the last sweep from being complete.',
      one(sweep.error === undefined),
    ],
    rpc_ping_state_stale: [
      '1: no sweep has ended for two rates of the schedule. After six, the answer is 503.',
      one(isStale),
    ],
    rpc_ping_broker_reachable: [
      '0: the broker kept the last sweep from pinging, so that the guests are those of the sweep before.',
      one(sweep.broker_reachable),
    ],
    rpc_ping_guests: [
      'How many guests the last sweep found in each state.',
      states.map((state) => [{ state }, sweep[state] ?? 0]),
    ],
    rpc_ping_control_plane_reachable: [
      "Whether a topic of Trove's control plane answers.",
      topics.map(({ topic, reachable: isUp }) => [{ topic }, isUp === true]),
    ],
    rpc_ping_reachable: [
      'Whether the guest agent answers; counted_apart says why a silent one is no fault.',
      guests.values().map(({ instance_id, name, project_id: project, hypervisor, ...guest }) => {
        const { reason, counted_apart, reachable } = guest;
        return [{ instance_id, name, project, hypervisor, reason, counted_apart }, reachable];
      }),
    ],
    rpc_ping_since_seconds: [
      'Since when the guest agent has been unreachable, Unix time.',
      ofGuests(({ since }) => (since === undefined ? undefined : Date.parse(since) / 1000)),
    ],
    rpc_ping_round_trip_seconds: [
      "The guest agent's last answer, from publish to reply.",
      ofGuests(({ round_trip_ms: ms }) => ms && Number((ms / 1000).toFixed(6))),
    ],
  };
}

/** A label without a value is left out: to Prometheus that is the same. */
function labelsText(labels: Labels): string {
  let text = '';
  for (const name in labels) {
    const value = labels[name];
    if (value) text += `${text && ','}${name}="${escaped(value)}"`;
  }
  return text && `{${text}}`;
}

/** Both formats escape a label's value so. Of a help text, only OpenMetrics escapes quotes: ours have none. */
function escaped(text: string): string {
  return /[\\\n"]/.test(text) ? text.replaceAll(/[\\"]/g, '\\$&').replaceAll('\n', '\\n') : text;
}
