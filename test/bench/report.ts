import type { Spread } from './measurement.ts';

/** The result of a scenario: its text in Markdown, and its goals. */
export interface Section {
  readonly title: string;
  readonly body: readonly string[];
  readonly goals: readonly Goal[];
}

/** One of the benchmark's goals, with the measured value and the verdict. */
export interface Goal {
  readonly text: string;
  readonly measured: string;
  readonly holds: boolean;
}

/** A goal for a ratio (or a count), which holds where the median keeps the limit. */
export function goal(text: string, measured: Spread, limit: { atMost: number } | { atLeast: number }): Goal {
  const holds = 'atMost' in limit ? measured.median <= limit.atMost : measured.median >= limit.atLeast;
  return { text, measured: written(measured), holds };
}

/** A median with its spread, such as `1.21 (1.15–1.34)`. */
export function written({ median, min, max }: Spread): string {
  return `${significant(median)} (${significant(min)}–${significant(max)})`;
}

/** A number with three significant digits; from 100 on, a whole number with all its digits. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en')
    : String(Number(value.toPrecision(3)));
}

/** A Markdown table, with columns padded for reading in a terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

export function goalsTable(goals: readonly Goal[]): string {
  const rows = goals.map(({ text, measured, holds }) => [text, measured, holds ? 'holds' : 'does not hold']);
  return table(['Goal', 'Measured', 'Verdict'], rows);
}
