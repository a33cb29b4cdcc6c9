import type { Chart } from './chart.ts';
import { type Spread, significant } from './measurement.ts';

/** The result of a scenario: its text in Markdown, its charts, and its goals. */
export interface Section {
  readonly title: string;
  /** Shown before all else, since people look before they read. */
  readonly charts?: readonly Chart[];
  readonly body: readonly string[];
  readonly goals: readonly Goal[];
}

/** One of the benchmark's goals, with the measured value and the verdict. */
export interface Goal {
  readonly text: string;
  readonly measured: string;
  /** What the least that a contestant can do reaches, where that was measured. */
  readonly limit: string;
  readonly verdict: string;
}

/**
 * A goal for a ratio (or a count), which holds where the median keeps the bound.
 *
 * @param limit the same ratio for the least that a contestant can do
 */
export function goal(
  text: string,
  measured: Spread,
  bound: { atMost: number } | { atLeast: number },
  limit?: Spread,
): Goal {
  const holdsFor = ({ median }: Spread) =>
    'atMost' in bound ? median <= bound.atMost : median >= bound.atLeast;
  const verdict = () => {
    if (holdsFor(measured)) return 'holds';
    if (limit === undefined || holdsFor(limit)) return 'does not hold';
    return `out of reach: ${significant(measured.median / limit.median)} × the limit`;
  };
  return {
    text,
    measured: written(measured),
    limit: limit === undefined ? '' : written(limit),
    verdict: verdict(),
  };
}

/** A median with its spread, such as `1.21 (1.15–1.34)`. */
export function written({ median, min, max }: Spread): string {
  return `${significant(median)} (${significant(min)}–${significant(max)})`;
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
  const rows = goals.map(({ text, measured, limit, verdict }) => [text, measured, limit, verdict]);
  return table(['Goal', 'Measured', 'The limit reaches', 'Verdict'], rows);
}
