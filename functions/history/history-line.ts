import * as v from 'valibot';
import { INSTANCE_ID } from '../guest/topic.ts';
import { parseJson } from '../json.ts';

export const instanceId = v.pipe(v.string(), v.regex(INSTANCE_ID));

/** ISO 8601 in UTC, as `Date.toISOString()` writes it. */
export const moment = v.pipe(v.string(), v.check(isMoment));

/** A change of a guest. */
const CHANGE_LINE = v.object({
  /** When the sweep ended that found it. */
  at: moment,
  instance_id: instanceId,
  /** As in a summary's `changes`. */
  change: v.string(),
  reason: v.exactOptional(v.string()),
  since: moment,
  name: v.exactOptional(v.string()),
  hypervisor: v.exactOptional(v.string()),
  /** Nobody was told of it. */
  muted: v.exactOptional(v.literal(true)),
});

/** The round trips of a day that is over, by instance id. */
const DAY_LINE = v.object({
  at: moment,
  day: v.pipe(v.string(), v.isoDate()),
  /** By instance id: the 50th and the 99th percentile, in milliseconds. */
  round_trips: v.record(instanceId, v.tuple([v.number(), v.number()])),
});

/** A line of the history, which has a file of lines of JSON for each month. */
export const HISTORY_LINE = v.union([CHANGE_LINE, DAY_LINE]);

export type ChangeLine = Readonly<v.InferOutput<typeof CHANGE_LINE>>;
export type DayLine = Readonly<v.InferOutput<typeof DAY_LINE>>;
export type HistoryLine = ChangeLine | DayLine;

function isMoment(text: string): boolean {
  const at = new Date(text);
  return !Number.isNaN(at.getTime()) && at.toISOString() === text;
}

export function parseHistoryLine(text: string): HistoryLine | undefined {
  const { success, output } = v.safeParse(HISTORY_LINE, parseJson(text));
  return success ? output : undefined;
}

export function isDayLine(line: HistoryLine): line is DayLine {
  return 'day' in line;
}

/**
 * The lines of one guest, and those of days, which are of all.
 *
 * @param unfiled those that wait in a state that was read before the archive
 * @param id undefined: of all guests
 */
export function linesOf(
  filed: readonly HistoryLine[],
  unfiled: readonly HistoryLine[] = [],
  id?: string,
): HistoryLine[] {
  const known = new Set(filed.map((line) => JSON.stringify(line)));
  const isOf = (line: HistoryLine) => isDayLine(line) || id === undefined || line.instance_id === id;
  return [...filed, ...unfiled.filter((line) => isOf(line) && !known.has(JSON.stringify(line)))];
}

/** A guest's round trips of each day, in milliseconds. */
export function roundTripsOf(lines: readonly HistoryLine[], id: string) {
  return lines.filter(isDayLine).flatMap(({ day, round_trips: { [id]: trips } }) => {
    const [p50, p99] = trips ?? [];
    return p50 === undefined || p99 === undefined ? [] : [{ day, p50, p99 }];
  });
}
