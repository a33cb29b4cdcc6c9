import type { Aspect, Difference, Run } from './run.ts';

const OF_HTML =
  'Trove writes a 403 of its authorization in HTML; here it is in the JSON of its other faults.';

/** Why the two differ, by aspect, and by aspect and call where that is a reason of its own. */
const WHY: Readonly<Record<string, string>> = {
  'key order':
    'Trove writes `code` first; the blueprint shows `message` first. Who parses JSON sees no difference.',
  'Content-Type': 'Trove names no charset; JSON is UTF-8 all the same.',
  'X-OpenStack-Request-Id': 'Trove has it since 25.0.0 (2026.1).',
  'X-OpenStack-Request-Id: OPTIONS': "Trove's CORS filter answers before the filter that makes the id.",
  'status: OPTIONS':
    "Trove's CORS filter answers OPTIONS for every path; this API has no page of another origin.",
  'status: a guest with another key':
    'Trove takes a reply that it cannot read for the pong. The guest cannot be managed: it reads no call of Trove.',
  'status: an unknown id':
    'Trove looks in its database first; the function has none, and says that no queue is bound for the id.',
  'status: two slashes': 'Trove takes several slashes for one. Here such a path leads nowhere.',
  'text: a guest whose agent is stopped':
    'Trove has had three texts for this. Here it is that of the blueprint, which names topic and method.',
  'text: a guest that raises an exception':
    'Trove passes the Python traceback on. Here it is in the log alone.',
  'text: an id beyond ASCII': "Trove reads the path's UTF-8 as Latin-1.",
  'text: a token of no project': OF_HTML,
  'Content-Type: a token of no project': OF_HTML,
  'text: the path of another tenant': OF_HTML,
  'Content-Type: the path of another tenant': OF_HTML,
};

/** Why an implementation differs from the contract; undefined: nobody has said so. */
export function whyOf({ aspect, row }: Difference): string | undefined {
  return WHY[`${aspect}: ${row}`] ?? WHY[aspect];
}

/** The differences of several implementations as one table: calls that differ alike share a line. */
export function differencesTable(runs: ReadonlyMap<string, Run>): string {
  const lines = new Map<string, string[]>();
  for (const [aspect, row, expected] of placesOf(runs)) {
    const cells = [...runs.values()].map((run) => cell(run, aspect, row));
    const why = whyOf({ aspect, row, expected, seen: '' }) ?? '**not explained**';
    const isOfOne = aspect === 'text' || aspect === 'status';
    const rest = ` | ${aspect} | ${isOfOne ? code(expected) : expected} | ${cells.join(' | ')} | ${why} |`;
    lines.set(rest, [...(lines.get(rest) ?? []), row]);
  }
  const header = ['call', 'aspect', 'contract', ...runs.keys(), 'why'];
  return [
    `| ${header.join(' | ')} |`,
    `|${' --- |'.repeat(header.length)}`,
    ...[...lines].map(([rest, rows]) => `| ${rows.join('; ')}${rest}`),
  ].join('\n');
}

/** How many calls each implementation answers as the contract says. */
export function countsTable(runs: ReadonlyMap<string, Run>): string {
  const counts = [...runs].map(([name, { rows, differences }]) => {
    const differing = new Set(differences.map(({ row }) => row)).size;
    return `| ${name} | ${rows.length} | ${rows.length - differing} |`;
  });
  return ['| implementation | calls | as the contract says |', '| --- | --- | --- |', ...counts].join('\n');
}

/** Where any of them differs: aspect, call, and what the contract says. */
function placesOf(runs: ReadonlyMap<string, Run>): Iterable<readonly [Aspect, string, string]> {
  const places = new Map<string, readonly [Aspect, string, string]>();
  for (const { differences } of runs.values())
    for (const { aspect, row, expected } of differences)
      if (!places.has(`${aspect} ${row}`)) places.set(`${aspect} ${row}`, [aspect, row, expected]);
  return places.values();
}

function cell({ rows, differences }: Run, aspect: Aspect, row: string): string {
  if (!rows.includes(row)) return 'not run';
  const found = differences.find((difference) => difference.aspect === aspect && difference.row === row);
  return found === undefined ? '=' : code(found.seen);
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``;
}
