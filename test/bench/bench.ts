import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeChart } from './chart.ts';
import { describeMachine } from './machine.ts';
import { goalsTable, type Section } from './report.ts';
import { brokerSide } from './scenarios/broker-side.ts';
import { cold } from './scenarios/cold.ts';
import { deadGuests } from './scenarios/dead-guests.ts';
import { growth } from './scenarios/growth.ts';
import { keystone } from './scenarios/keystone.ts';
import { restarts } from './scenarios/restarts.ts';
import { scrape } from './scenarios/scrape.ts';
import { sweep } from './scenarios/sweep.ts';
import { thaw } from './scenarios/thaw.ts';
import { warm } from './scenarios/warm.ts';
import { Stage } from './stage.ts';

// `npm run bench` writes all scenarios but growth and restarts into RESULTS.md. `npm run bench -- warm cold` prints these two alone.
// `npm run bench -- growth`, which takes long, writes GROWTH.md. `--against DIR` adds to warm, cold and sweep the functions of
// another checkout, as `npm run synth` has bundled them there.

type Scenario = (stage: Stage) => Promise<Section>;

const USUAL: Readonly<Record<string, Scenario>> = {
  warm,
  cold,
  thaw,
  'dead-guests': deadGuests,
  sweep,
  scrape,
  'broker-side': brokerSide,
  keystone,
};

const SCENARIOS: Readonly<Record<string, Scenario>> = { ...USUAL, growth, restarts };

const {
  values: { against },
  positionals: names,
} = parseArgs({ options: { against: { type: 'string' } }, allowPositionals: true });
for (const name of against === undefined ? [] : ['rpc-ping', 'health-check']) {
  const path = join(against ?? '', 'dist', name, 'index.mjs');
  if (existsSync(path)) continue;
  console.error(`There is no ${path}. Run \`npm run synth\` there.`);
  process.exit(2);
}
const unknown = names.filter((name) => !(name in SCENARIOS));
if (unknown.length > 0) {
  console.error(
    `There is no scenario ${unknown.join(' or ')}. There are: ${Object.keys(SCENARIOS).join(', ')}`,
  );
  process.exit(2);
}

const begin = performance.now();
const sections: Section[] = [];
const stage = await Stage.set(against);
try {
  for (const [name, scenario] of Object.entries(names.length > 0 ? SCENARIOS : USUAL)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.log(`\n${name} …`);
    const section = await scenario(stage);
    sections.push(section);
    console.log(`\n${inMarkdown(section)}`);
  }
} finally {
  await stage.leave();
}
const goals = sections.flatMap((section) => section.goals);
const minutes = Math.ceil((performance.now() - begin) / 60_000);
if (goals.length > 0) console.log(`\n${goalsTable(goals)}`);
if (names.length === 0) await writeFile(join(import.meta.dirname, 'RESULTS.md'), await results());
if (names.join() === 'growth') await writeFile(join(import.meta.dirname, 'GROWTH.md'), await results());

function inMarkdown({ title, body }: Section): string {
  return [`## ${title}`, ...body].join('\n\n');
}

function commitOf(checkout: string): string {
  return execFileSync('git', ['-C', checkout, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
}

async function results(): Promise<string> {
  const charts = await Promise.all(sections.flatMap((section) => section.charts ?? []).map(writeChart));
  const parts = [
    names.join() === 'growth' ? '# How sweeps grow' : '# Results',
    `Written by \`${['npm run bench', ...names].join(' -- ')}\` in ${minutes} minutes. Only the ratios mean anything: what is compared took turns in this one run. A ratio is the median of the repeats' own ratios, with the least and the greatest of them in brackets; times in milliseconds are for orientation.${against === undefined ? '' : ` *The other build* is that of commit ${commitOf(against)}.`}`,
    ...charts,
    ...(goals.length > 0 ? ['## The goals', goalsTable(goals)] : []),
    '## The machine',
    describeMachine(),
    ...sections.map(inMarkdown),
  ];
  return `${parts.join('\n\n')}\n`;
}
