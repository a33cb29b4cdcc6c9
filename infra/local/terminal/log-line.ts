import { styleText } from 'node:util';
import type { Summary } from '../../../functions/sweep/summary.ts';
import { changes, totals } from './fleet-report.ts';

/**
 * Makes one line of the function's log readable for a person.
 *
 * @returns undefined for a line that a person need not see: metrics alone (EMF), or guests that the summary counts
 */
export function readable(line: string): string | undefined {
  const entry = parse(line);
  if (entry === undefined) return line;
  if (!('message' in entry)) return undefined;
  const { timestamp, message, outcome, instance_id: instance, round_trip_ms: roundTrip } = entry;
  if (message === 'guest_changed') return undefined; // the summary has it
  if (outcome === undefined) return line;
  if (message === 'guest_unreachable' || message === 'more_unreachable') return undefined; // the summary counts them
  if (message === 'health_check' && 'checked' in entry) return sweepLine(line);
  const words = [
    String(timestamp).slice(11, 23),
    message,
    styleText(outcome === 'reachable' ? 'green' : 'red', String(outcome)),
    instance ?? entry['path'],
    entry['reason'],
    roundTrip === undefined ? undefined : `${roundTrip} ms`,
    entry['cause'] ?? errorMessage(entry['error']),
  ];
  const more = [entry['todo'] && `    ${entry['todo']}`, entry['traceback']].filter(Boolean);
  return [words.filter((word) => word !== undefined).join('  '), ...more].join('\n');
}

function sweepLine(line: string): string {
  const { timestamp, ...summary }: Summary & { timestamp: string } = JSON.parse(line);
  const { error } = summary;
  const words = [timestamp.slice(11, 23), 'health_check', totals(summary), error?.code, error?.message];
  const told = changes(summary);
  return [words.filter((word) => word !== undefined).join('  '), ...(told ? [`    ${told}`] : [])].join('\n');
}

function errorMessage(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'message' in error ? error.message : undefined;
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    return line.startsWith('{') ? JSON.parse(line) : undefined;
  } catch {
    return undefined;
  }
}
