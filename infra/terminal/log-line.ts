import { styleText } from 'node:util';
import type { ReportedSummary } from '../../functions/changes/report.ts';
import { parseJsonObject } from '../../functions/json.ts';
import { showControlCharacters } from './control-characters.ts';
import { changes, totals } from './fleet-report.ts';

/** A line of a function's log, parsed. */
type Entry = Readonly<Record<string, unknown>>;

/** How many tracebacks are remembered at most. */
const MAX_TRACEBACKS = 500;

/**
 * Makes the lines of the functions' logs readable for a person.
 *
 * @returns gives undefined for a line that a person need not see: metrics (EMF), or a guest that the sweep's line counts
 */
export function logFormatter(): (line: string) => string | undefined {
  const printed = new Set<string>();
  /** A traceback is not shown again with each sweep. */
  const isNew = ({ instance_id: instance, traceback }: Entry) => {
    const key = `${instance} ${traceback}`;
    if (printed.has(key)) return false;
    if (printed.size >= MAX_TRACEBACKS) printed.clear();
    printed.add(key);
    return true;
  };
  return (line) => {
    const entry = parseJsonObject(line);
    if (entry === undefined) return showControlCharacters(line);
    const { message, outcome } = entry;
    if (message === 'guest_unreachable') return isNew(entry) ? tracebackOf(line) : undefined;
    if (!('message' in entry) || message === 'guest_changed' || message === 'more_unreachable')
      return undefined;
    if (outcome === undefined) return showControlCharacters(line);
    return message === 'health_check' && 'checked' in entry ? sweepLine(line) : pingLine(entry);
  };
}

/** A sweep's line of a guest that answered with an exception, as text with the traceback. */
export function tracebackOf(line: string): string | undefined {
  const entry = parseJsonObject(line);
  const hasTraceback = entry?.['message'] === 'guest_unreachable' && entry['traceback'] !== undefined;
  return hasTraceback ? pingLine(entry) : undefined;
}

function pingLine(entry: Entry): string {
  const { timestamp, message, outcome, round_trip_ms: roundTrip, error, todo, traceback } = entry;
  const words = [
    `${clock(timestamp)}  ${message}  ${styleText(outcome === 'reachable' ? 'green' : 'red', shown(outcome))}`,
    shown(entry['instance_id'] ?? entry['path']),
    shown(entry['reason']),
    roundTrip === undefined ? '' : `${roundTrip} ms`,
    Number(entry['consumers']) > 1 ? `${shown(entry['consumers'])} consumers` : '',
    entry['encrypted'] === false ? 'not encrypted' : '',
    shown(entry['cause'] ?? Object(error).message),
  ].filter((word) => word !== '');
  const below = [wayOf(entry), todo, traceback].filter(Boolean);
  return [words.join('  '), ...below.map(indented)].join('\n');
}

function wayOf({ message, request_id: id, hops = {}, stopped_at: last }: Entry): string {
  if (message !== 'rpc_ping') return '';
  const times = Object.entries(Object(hops)).map(([name, ms]) => `${name} ${Number(ms).toFixed(1)} ms`);
  return [id, times.join(', '), last === undefined ? '' : `stopped at ${last}`].filter(Boolean).join('  ');
}

function sweepLine(line: string): string {
  const { timestamp, ...summary }: ReportedSummary & { timestamp: string } = JSON.parse(line);
  const { error } = summary;
  const words = [
    clock(timestamp),
    'health_check',
    totals(summary),
    shown(error?.code),
    shown(error?.message),
  ];
  const sentence = changes(summary);
  return words.filter((word) => word !== '').join('  ') + (sentence && `\n    ${sentence}`);
}

function clock(timestamp: unknown): string {
  return `${String(timestamp).slice(11, 23)} UTC`;
}

function shown(value: unknown): string {
  return value === undefined ? '' : showControlCharacters(String(value));
}

/** Each line stays behind the indentation, so that none looks like a line of the log. */
function indented(text: unknown): string {
  return String(text)
    .split('\n')
    .map((line) => `    ${showControlCharacters(line)}`)
    .join('\n');
}
