import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { REASONS } from '../functions/guest/reason.ts';
import { GRANTED } from './setup/granted.ts';

const ROOT = join(import.meta.dirname, '..');
const MANUALS = [
  'README.md',
  'CHANGELOG.md',
  '.github/CONTRIBUTING.md',
  'functions/README.md',
  'infra/README.md',
  'infra/RUNBOOK.md',
  'test/README.md',
];

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

describe('the tables of infra/README.md', () => {
  const cells = firstCells('infra/README.md');

  test('the manual of infra/ has one row for each environment variable that a function reads', () => {
    const quotedOrTakenApart = /\b[A-Z]+(?:_[A-Z]+)+(?=[':])/g;
    const files = globSync('functions/settings/*.ts', { cwd: ROOT });
    const sources = files.map(read).join('\n');
    const settings = new Set(sources.match(quotedOrTakenApart));
    expect(settings.size).toBeGreaterThan(10);
    for (const setting of settings)
      expect(cells.filter((cell) => cell === `\`${setting}\``)).toEqual([expect.anything()]);
  });

  test('the manual of infra/ has one row for each setting of the stack', () => {
    const files = globSync('infra/settings/*.ts', { cwd: ROOT });
    const sources = files.map(read).join('\n');
    const asked = sources.matchAll(/(?:context\.\w+|required)\(\s*'(\w+)'/g);
    const settings = new Set(Array.from(asked, ([, name = '']) => name));
    expect(settings.size).toBeGreaterThan(20);
    for (const setting of settings)
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

test('the root README has at most 200 lines', () => {
  expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(200);
});

describe.each(MANUALS)('%s', (manual) => {
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

/** The targets of a manual's links within this repository. */
function linksOf(manual: string): string[] {
  const prose = read(manual).replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
  const links = Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target);
  return links.filter((target) => !/^[a-z]+:/.test(target));
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
