import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { REASONS } from '../functions/guest/reason.ts';
import { SETTINGS } from '../infra/settings/deployment-settings.ts';
import { GRANTED } from './setup/granted.ts';

const ROOT = join(import.meta.dirname, '..');
const MANUALS = [
  'README.md',
  'CHANGELOG.md',
  '.github/CONTRIBUTING.md',
  '.github/SECURITY.md',
  'functions/README.md',
  'infra/README.md',
  'infra/RUNBOOK.md',
  'test/README.md',
];
const RECORDS = globSync('functions/decisions/*.md', { cwd: ROOT });

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The first cell of each row of a manual's tables. */
function firstCells(manual: string): string[] {
  return Array.from(read(manual).matchAll(/^\| (.*?) \|/gm), ([, cell = '']) => cell);
}

test.each(Object.keys(REASONS))('the runbook has one row for the reason %s', (reason) => {
  expect(firstCells('infra/RUNBOOK.md').filter((cell) => cell === `\`${reason}\``)).toHaveLength(1);
});

test.each([
  ['metric', 'functions/telemetry/*.ts', /\b((?!CloudWatch)[A-Z][a-z]+(?:[A-Z][a-z]+)+)(?=: |', |'\])/g],
  [
    'field of the summary',
    'functions/{sweep/summary,changes/report}.ts',
    /^ {2}readonly ((?!(?:state|problem)\b)[a-z_]{4,})\??: /gm,
  ],
  ['change', 'functions/changes/transition.ts', /^ {3}\* - `(\w+)`/gm],
  ['problem of the state', 'functions/changes/report.ts', /^ \* - `(\w+)`/gm],
  [
    "reason of Keystone's",
    'functions/keystone/errors.ts',
    /^ {2}(?:readonly code = ')?([a-z_]+_[a-z_]+)(?=: '|';)/gm,
  ],
])('the runbook has a row for each %s', (_what, files, pattern) => {
  const sources = globSync(files, { cwd: ROOT }).map(read).join('\n');
  const names = new Set(Array.from(sources.matchAll(pattern), ([, name = '']) => name));
  expect(names.size).toBeGreaterThan(3);
  const rows = read('infra/RUNBOOK.md')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .join('\n');
  expect([...names].filter((name) => !rows.includes(`\`${name}\``))).toEqual([]);
});

describe('the tables of infra/README.md', () => {
  const cells = firstCells('infra/README.md');

  test('the manual of infra/ has one row for each environment variable that a function reads', () => {
    const quotedOrTakenApart = /\b[A-Z]+(?:_[A-Z]+)+(?=[':])/g;
    const files = globSync('functions/settings/*.ts', { cwd: ROOT });
    const sources = files.map(read).join('\n');
    const settings = new Set(sources.match(quotedOrTakenApart));
    expect(settings.size).toBeGreaterThan(10);
    for (const setting of settings)
      expect(cells.filter((cell) => cell.split(', ').includes(`\`${setting}\``))).toEqual([
        expect.anything(),
      ]);
  });

  test('the manual of infra/ has one row for each setting of the stack', () => {
    expect(SETTINGS.size).toBeGreaterThan(20);
    for (const setting of SETTINGS)
      expect(cells.filter((cell) => cell.split(', ').includes(`\`${setting}\``))).toEqual([
        expect.anything(),
      ]);
  });
});

test('the manual grants the same permissions by HTTP, by rabbitmqctl and in its table', () => {
  const manual = read('infra/README.md');
  const { configure, write, read: readable } = GRANTED;
  const [, body = ''] = /-d '(\{"configure".*?\})'/.exec(manual) ?? [];
  expect(JSON.parse(body)).toEqual(GRANTED);
  expect(manual).toContain(`set_permissions guest-rpc-ping '${configure}' '${write}' '${readable}'`);
});

test('the manuals have at most 1,500 lines, with no line of prose beyond 145 characters', () => {
  const manuals = MANUALS.filter((manual) => manual !== 'CHANGELOG.md').map(read);
  const lines = manuals.flatMap((text) => text.trimEnd().split('\n'));
  expect(lines.length).toBeLessThanOrEqual(1500);
  const prose = manuals.flatMap((text) => withoutCode(text).split('\n'));
  expect(prose.filter((line) => line.length > 145 && !/^(?:\||<img)/.test(line))).toEqual([]);
});

test.each(RECORDS)('functions/README.md lists %s', (record) => {
  expect(linksOf('functions/README.md')).toContain(record.replace('functions/', ''));
});

describe("README's table beside Trove's own call", () => {
  const rows = tableRows('README.md', 'Fault').map(([, trove = '', ours = '']) => ({ trove, ours }));
  const measured = new Map(
    tableRows('test/bench/RESULTS.md', 'Reason').map(([reason = '', ours = '', trove = '']) => [
      reason,
      { ours: milliseconds(ours), trove: milliseconds(trove) },
    ]),
  );

  test('four faults', () => expect(rows).toHaveLength(4));

  test.each(rows)('$ours, as RESULTS.md has it', ({ ours, trove }) => {
    const [reason = 'none'] = /`\w+`/.exec(ours) ?? [];
    expect(secondsIn(ours)).toBe(rounded(measured.get(reason)?.ours));
    if (secondsIn(trove) !== undefined) expect(secondsIn(trove)).toBe(rounded(measured.get(reason)?.trove));
  });

  /** "after 15 s" is 15, "at once" 0. */
  function secondsIn(cell: string): number | undefined {
    if (cell.includes('at once')) return 0;
    const [, seconds] = /after ([\d.]+) s/.exec(cell) ?? [];
    return seconds === undefined ? undefined : Number(seconds);
  }

  /** Below 0.1 s it is at once, below 1 s in steps of 0.05. */
  function rounded(ms: number | undefined): number | undefined {
    if (ms === undefined) return undefined;
    if (ms < 100) return 0;
    return ms < 950 ? Math.round(ms / 50) / 20 : Math.round(ms / 1000);
  }

  /** Of a cell such as `15,111 (15,096–15,123)`: the median. */
  function milliseconds(cell: string): number | undefined {
    const [median] = /^[\d,.]+/.exec(cell) ?? [];
    return median === undefined ? undefined : Number(median.replaceAll(',', ''));
  }
});

describe.each([...MANUALS, ...RECORDS])('%s', (manual) => {
  test('each link in a manual leads to a file, and to a heading in that file', () => {
    for (const link of linksOf(manual)) expect([link, whereto(manual, link)]).toEqual([link, 'found']);
  });

  test('each npm script that a manual names exists', () => {
    const { scripts } = JSON.parse(read('package.json'));
    for (const [, name = ''] of read(manual).matchAll(
      /\bnpm (?:run |(?=start|test))(?:--silent )?([a-z][\w:-]*)/g,
    ))
      expect(scripts).toHaveProperty([name]);
  });
});

/** The targets of a manual's links, and the sources of its pictures, within this repository. */
function linksOf(manual: string): string[] {
  const found = withoutCode(read(manual)).matchAll(/(?:\]\(|<img src=")([^)"\s]+)/g);
  const links = Array.from(found, ([, target = '']) => target);
  return links.filter((target) => !/^[a-z]+:/.test(target));
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
}

/** The cells of each row of the table whose first column has this heading. */
function tableRows(manual: string, heading: string): string[][] {
  const lines = read(manual).split('\n');
  const start = lines.findIndex((line) => new RegExp(`^\\| ${heading} +\\|`).test(line)) + 2;
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  return lines
    .slice(start, start + length)
    .map((line) => line.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, '').trim()));
}

function whereto(manual: string, link: string): 'found' | 'no such file' | 'no such heading' {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? manual : join(dirname(manual), path);
  if (!existsSync(join(ROOT, target))) return 'no such file';
  return anchor === undefined || anchorsOf(target).includes(anchor) ? 'found' : 'no such heading';
}

/** The anchors of a Markdown file's headings, as GitHub makes them. */
function anchorsOf(path: string): string[] {
  const headings = read(path).matchAll(/^#+ (.+)$/gm);
  return Array.from(headings, ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}
