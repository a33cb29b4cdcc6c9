import { table } from '../bench/report.ts';
import type { Versions } from './debian-release.ts';
import type { Outcome } from './jest-run.ts';

const HEAD = [
  'Release',
  'RabbitMQ',
  'Trove',
  'oslo.messaging',
  'Queues',
  'Suite',
  'Passed',
  'Failed',
  'Which',
];
/** The columns that say what was tried, so that a later try takes the row's place. */
const IDENTITY = [0, 4, 5];

/** What a suite did on one release with one way of guests' queues. */
export interface Result {
  readonly release: string;
  readonly versions: Versions;
  readonly queues: string;
  readonly suite: string;
  readonly outcome: Outcome;
}

/**
 * What RESULTS.md says after a run.
 *
 * @param before what it said before: what was not tried again stays
 */
export function resultsText(results: readonly Result[], before: string): string {
  const rows = [...writtenRows(before), ...results.map(row)].map(
    (cells) => [identity(cells), cells] as const,
  );
  const sorted = [...new Map(rows)].sort(([a], [b]) => a.localeCompare(b)).map(([, cells]) => cells);
  const parts = [
    '# Which versions did what',
    "Written by `npm run test:matrix`. Each row is what the tests of a folder did with the RabbitMQ and the guests of a Debian release. *Queues* is what the guests' queues were: transient or durable, both classic, or quorum.",
    table(HEAD, sorted),
  ];
  return `${parts.join('\n\n')}\n`;
}

function row({ release, versions, queues, suite, outcome }: Result): string[] {
  const { rabbitmq, trove, oslo } = versions;
  const { passed, failed } = outcome;
  const which = failed.map((name) => name.replaceAll('|', '\\|')).join('; ');
  return [release, rabbitmq, trove, oslo, queues, suite, String(passed), String(failed.length), which];
}

function identity(cells: readonly string[]): string {
  return IDENTITY.map((column) => cells[column]).join(' ');
}

function writtenRows(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('| '));
  const cells = lines.slice(2).map((line) => line.split(/(?<!\\)\|/).slice(1, -1)); // below the head
  return cells.map((row) => row.map((cell) => cell.trim()));
}
