import { type ChangeLine, type HistoryLine, isDayLine } from './history-line.ts';

/** A time in which a guest was reported unreachable, or flapping. */
export interface Incident extends Pick<ChangeLine, 'instance_id' | 'name' | 'hypervisor'> {
  /** The last one that was reported. */
  readonly reason: string;
  /** ISO 8601, UTC. */
  readonly from: string;
  /** Undefined: it goes on. */
  readonly to?: string;
  readonly isFlapping: boolean;
  /** Nobody was told: the guest was muted throughout. */
  readonly isMuted: boolean;
  /** Nothing says when it ended; at `to` it still went on. */
  readonly isEndUnknown?: boolean;
}

export function ofGuest<Guest>(guests: Readonly<Record<string, Guest>>, id: string): Record<string, Guest> {
  return guests[id] ? { [id]: guests[id] } : {};
}

/** What is known of a guest now, as far as it matters here. */
export interface GuestNow extends Pick<ChangeLine, 'since' | 'name' | 'hypervisor' | 'muted'> {
  readonly sweeps: number;
  readonly reported: string;
  readonly reason: string;
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
    if (change === 'reachable' || change === 'deleted') {
      ended.push({ ...(incident ?? begun(line)), to: at });
      open.delete(id);
    } else open.set(id, incident ? continued(incident, begun(line)) : begun(line));
  }
  for (const [id, { sweeps, reported, ...guest }] of Object.entries(guests)) {
    if (sweeps === 0 || reported === 'nothing' || open.has(id)) continue;
    const change = reported === 'flapping' ? 'flapping' : 'unreachable';
    open.set(id, begun({ at: '', instance_id: id, change, ...guest }));
  }
  for (const [id, incident] of open) {
    if (guests[id] && guests[id].reported !== 'nothing') continue;
    open.delete(id); // forgotten, or what was known of it was lost
    ended.push({ ...incident, to: lastLine.get(id) ?? incident.from, isEndUnknown: true });
  }
  return [...ended, ...open.values()].sort((a, b) => b.from.localeCompare(a.from));
}

function begun(line: ChangeLine): Incident {
  const { instance_id, name, hypervisor, reason = 'not known', since: from, change, muted = false } = line;
  const described = { ...(name && { name }), ...(hypervisor && { hypervisor }) };
  return { instance_id, ...described, reason, from, isFlapping: change === 'flapping', isMuted: muted };
}

function continued({ from, isFlapping, isMuted }: Incident, now: Incident): Incident {
  return { ...now, from, isFlapping: isFlapping || now.isFlapping, isMuted: isMuted && now.isMuted };
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
