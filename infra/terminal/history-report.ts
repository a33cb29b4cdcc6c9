import { andMore, excerpt } from '../../functions/excerpt.ts';
import { countBy, type Incident, remarksOn } from '../../functions/history/incidents.ts';
import { formatDuration } from '../../functions/time/format.ts';
import { showControlCharacters } from './control-characters.ts';
import { minuteOf, type Row, tableOf } from './table.ts';

/** What `npm run history` has read. */
export interface History {
  readonly since: string;
  readonly incidents: readonly Incident[];
  /** Of one guest, in milliseconds. */
  readonly round_trips: readonly { readonly day: string; readonly p50: number; readonly p99: number }[];
}

/** How many incidents are listed; the others are counted. */
const MAX_ROWS = 100;
const MAX_COUNTS = 10;

/** The history as text for a person: the incidents, the newest first, what they have in common, and the round trips. */
export function historyReport({ since, incidents, round_trips: days }: History, now: Date): string {
  const start = since.slice(0, 10);
  if (incidents.length === 0 && days.length === 0) return `No incident since ${start}.`;
  const { shown, omitted } = excerpt(incidents, MAX_ROWS);
  const parts = [
    incidents.length > 0 && tableOf(shown.map((each) => row(each, now))),
    omitted > 0 && `…${andMore(omitted)}`,
    `${incidents.length} ${incidents.length === 1 ? 'incident' : 'incidents'} since ${start}.`,
    ...(['reason', 'hypervisor'] as const).map((field) => counts(incidents, field)),
    days.length > 0 && tableOf(days.map(({ day, p50, p99 }) => ({ day, 'p50 (ms)': p50, 'p99 (ms)': p99 }))),
  ];
  return parts.filter(Boolean).join('\n');
}

function row(incident: Incident, now: Date): Row {
  const { instance_id: id, name = '', hypervisor = '', reason, from, to } = incident;
  const ms = (to === undefined ? now.getTime() : Date.parse(to)) - Date.parse(from);
  return {
    instance: id,
    name: showControlCharacters(name),
    hypervisor: showControlCharacters(hypervisor),
    reason: showControlCharacters(reason),
    'from (UTC)': minuteOf(from),
    'to (UTC)': to === undefined ? 'now' : minuteOf(to),
    for: formatDuration(ms),
    remark: remarksOn(incident),
  };
}

function counts(incidents: readonly Incident[], field: 'reason' | 'hypervisor'): string {
  const all = countBy(incidents, field).slice(0, MAX_COUNTS);
  const listed = all.map(([value, count]) => `${showControlCharacters(value)} ${count}`);
  return all.length === 0 ? '' : `By ${field}: ${listed.join(', ')}.`;
}
