import { type ChangeLine, type HistoryLine, isDayLine } from './history-line.ts';

/** A time in which a guest was reported unreachable, or flapping. */
export interface Incident {
  readonly instance_id: string;
  readonly name?: string;
  readonly hypervisor?: string;
  /** The last one that was reported. */
  readonly reason: string;
  /** ISO 8601, UTC. */
  readonly from: string;
  /** Undefined: it goes on. */
  readonly to?: string;
  readonly isFlapping?: boolean;
  /** Nobody was told: the guest was muted. */
  readonly isMuted?: boolean;
}

/** The incidents that the lines tell of, the newest first. @param lines oldest first */
export function incidentsOf(lines: readonly HistoryLine[]): Incident[] {
  const open = new Map<string, Incident>();
  const ended: Incident[] = [];
  for (const line of lines) {
    if (isDayLine(line) || line.change === 'unknown_to_trove') continue;
    const { instance_id: id, change, at } = line;
    const incident = open.get(id);
    const isEnd = change === 'reachable' || change === 'deleted';
    if (isEnd) ended.push({ ...(incident ?? begun(line)), to: at });
    if (isEnd) open.delete(id);
    else open.set(id, { ...begun(line), ...(incident && continued(incident, line)) });
  }
  return [...ended, ...open.values()].sort((a, b) => b.from.localeCompare(a.from));
}

function begun({
  instance_id,
  name,
  hypervisor,
  reason = 'not known',
  since,
  change,
  muted,
}: ChangeLine): Incident {
  return {
    instance_id,
    ...(name && { name }),
    ...(hypervisor && { hypervisor }),
    reason,
    from: since,
    ...(change === 'flapping' && { isFlapping: true }),
    ...(muted && { isMuted: true }),
  };
}

/** It began when it began, and was muted throughout or not at all. */
function continued({ from, isFlapping, isMuted }: Incident, { muted }: ChangeLine): Partial<Incident> {
  return { from, ...(isFlapping && { isFlapping }), ...(isMuted && { isMuted: muted === true }) };
}

/** How long a guest was in incidents between two moments, in milliseconds. */
export function downMs(incidents: readonly Incident[], from: Date, to: Date): number {
  const spans = incidents.map(
    (each) =>
      Math.min(to.getTime(), each.to ? Date.parse(each.to) : to.getTime()) -
      Math.max(from.getTime(), Date.parse(each.from)),
  );
  return spans.reduce((sum, ms) => sum + Math.max(0, ms), 0);
}

/** How many incidents each reason, or hypervisor, had, the most first. */
export function countBy(incidents: readonly Incident[], field: 'reason' | 'hypervisor'): [string, number][] {
  const groups = Map.groupBy(incidents, (incident) => incident[field]);
  const counts = [...groups].flatMap(([value, { length }]): [string, number][] =>
    value ? [[value, length]] : [],
  );
  return counts.sort(([, a], [, b]) => b - a);
}
