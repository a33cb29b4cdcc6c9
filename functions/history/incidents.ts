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
  /** Nothing says when it ended; at `to` it still went on. */
  readonly isEndUnknown?: boolean;
}

export function ofGuest<Guest>(guests: Readonly<Record<string, Guest>>, id: string): Record<string, Guest> {
  return guests[id] ? { [id]: guests[id] } : {};
}

/** What is known of a guest now, as far as it matters here. */
export interface GuestNow {
  readonly sweeps: number;
  readonly reported: string;
  readonly reason: string;
  readonly since: string;
  readonly name?: string;
  readonly hypervisor?: string;
  readonly muted?: boolean;
}

/**
 * The incidents in the lines, the newest first.
 *
 * @param lines oldest first
 * @param guests by instance id, those that do not plainly answer: an incident that began before the first line goes on
 */
export function incidentsOf(
  lines: readonly HistoryLine[],
  guests: Readonly<Record<string, GuestNow>>,
): Incident[] {
  const open = new Map<string, Incident>();
  const lastLine = new Map<string, string>();
  const ended: Incident[] = [];
  for (const line of lines) {
    if (isDayLine(line) || line.change === 'unknown_to_trove') continue;
    const { instance_id: id, change, at } = line;
    const incident = open.get(id);
    lastLine.set(id, at);
    const isEnd = change === 'reachable' || change === 'deleted';
    if (isEnd) ended.push({ ...(incident ?? begun(line)), to: at });
    if (isEnd) open.delete(id);
    else open.set(id, { ...begun(line), ...(incident && continued(incident, line)) });
  }
  for (const [id, { sweeps, reported, muted, ...guest }] of Object.entries(guests)) {
    if (sweeps === 0 || reported === 'nothing' || open.has(id)) continue;
    const change = reported === 'flapping' ? 'flapping' : 'unreachable';
    open.set(id, begun({ at: '', instance_id: id, change, ...guest, ...(muted && { muted }) }));
  }
  for (const [id, incident] of open) {
    if (guests[id] && guests[id].reported !== 'nothing') continue;
    open.delete(id); // forgotten, or what was known of it was lost
    ended.push({ ...incident, to: lastLine.get(id) ?? incident.from, isEndUnknown: true });
  }
  return [...ended, ...open.values()].sort((a, b) => b.from.localeCompare(a.from));
}

function begun(line: ChangeLine): Incident {
  const { instance_id, name, hypervisor, reason = 'not known', since, change, muted } = line;
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

/** The beginning stays, and it counts as muted only if it was muted throughout. */
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

/** Such as `flapping, muted`; empty where there is nothing to remark. */
export function remarksOn({ isFlapping, isMuted, isEndUnknown }: Incident): string {
  const remarks = [isFlapping && 'flapping', isMuted && 'muted', isEndUnknown && 'end not known'];
  return remarks.filter(Boolean).join(', ');
}
