import type { FleetStatus, GuestStatus } from './fleet-status.ts';

/** Prometheus' text format 0.0.4, or OpenMetrics 1.0. */
export type MetricsFormat = 'prometheus' | 'openmetrics';

type Labels = Readonly<Record<string, string | undefined>>;

/** A gauge. Its unit is the end of its name. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly samples: Iterable<readonly [labels: Labels, value: number | boolean]>;
}

/**
 * The status of the fleet as gauges. Written by hand, line by line: prom-client (15.1) keeps each of 100,000 samples as an
 * object, and makes one text of them all.
 */
export function* metricsText(
  status: FleetStatus,
  guests: readonly GuestStatus[] | undefined,
  format: MetricsFormat,
): Iterable<string> {
  for (const { name, help, samples } of families(status, guests ?? [])) {
    yield `# HELP ${name} ${escaped(help)}\n# TYPE ${name} gauge\n`;
    if (format === 'openmetrics' && name.endsWith('_seconds')) yield `# UNIT ${name} seconds\n`;
    for (const [labels, value] of samples) yield `${name}${labelsText(labels)} ${Number(value)}\n`;
  }
  if (format === 'openmetrics') yield '# EOF\n';
}

/** Sweep first: what a reader of the first lines wants to know. */
function families(
  { sweep, isStale, controlPlane }: FleetStatus,
  guests: readonly GuestStatus[],
): readonly Family[] {
  const one = (value: number | boolean): Family['samples'] => [[{}, value]];
  const { reachable, unreachable, unknown, new: isNew, abandoned, expected_silent, muted, orphaned } = sweep;
  const apart = { new: isNew, abandoned, expected_silent, muted, orphaned };
  const totals = { reachable, unreachable, unknown, ...apart };
  const each = function* (sampleOf: (guest: GuestStatus) => number | undefined): Family['samples'] {
    for (const guest of guests) {
      const value = sampleOf(guest);
      if (value !== undefined) yield [{ instance_id: guest.instance_id }, value];
    }
  };
  return [
    {
      name: 'rpc_ping_sweep_timestamp_seconds',
      help: 'When the last sweep of the fleet ended, Unix time.',
      samples: one(Date.parse(sweep.at) / 1000),
    },
    {
      name: 'rpc_ping_sweep_duration_seconds',
      help: 'How long the last sweep took.',
      samples: one(sweep.duration_ms / 1000),
    },
    {
      name: 'rpc_ping_sweep_complete',
      help: '1: all guests have a verdict; 0: something kept the last sweep from being complete.',
      samples: one(sweep.error === undefined),
    },
    {
      name: 'rpc_ping_state_stale',
      help: '1: no sweep has ended for two rates of the schedule. After six, the answer is 503.',
      samples: one(isStale),
    },
    {
      name: 'rpc_ping_broker_reachable',
      help: '0: the broker kept the last sweep from pinging, so that the guests are those of the sweep before.',
      samples: one(sweep.broker_reachable),
    },
    {
      name: 'rpc_ping_guests',
      help: 'How many guests the last sweep found in each state.',
      samples: Object.entries(totals).map(([state, count = 0]) => [{ state }, count]),
    },
    {
      name: 'rpc_ping_control_plane_reachable',
      help: "Whether a topic of Trove's control plane answers.",
      samples: controlPlane.flatMap(({ topic, reachable: isUp }) =>
        isUp === null ? [] : [[{ topic }, isUp]],
      ),
    },
    {
      name: 'rpc_ping_reachable',
      help: 'Whether the guest agent answers; counted_apart says why a silent one is no fault.',
      samples: reachability(guests),
    },
    {
      name: 'rpc_ping_since_seconds',
      help: 'Since when the guest agent has been unreachable, Unix time.',
      samples: each(({ since }) => (since === undefined ? undefined : Date.parse(since) / 1000)),
    },
    {
      name: 'rpc_ping_round_trip_seconds',
      help: "The guest agent's last answer, from publish to reply.",
      samples: each(({ round_trip_ms: ms }) => ms && Number((ms / 1000).toFixed(6))),
    },
  ];
}

function* reachability(guests: readonly GuestStatus[]): Family['samples'] {
  for (const {
    instance_id,
    name,
    project_id: project,
    hypervisor,
    reason,
    counted_apart,
    reachable,
  } of guests)
    yield [{ instance_id, name, project, hypervisor, reason, counted_apart }, reachable];
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
