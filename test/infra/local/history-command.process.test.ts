import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { TemporaryFolder } from '../../../infra/local/parts/temporary-folder.ts';
import { instance, stateOf } from '../../page/states.ts';

const COMMAND = join(import.meta.dirname, '..', '..', '..', 'infra', 'local', 'history-command.ts');
const HOUR = 3_600_000;

const folder = new TemporaryFolder('history-command');
afterAll(() => folder.remove());

/** Some hours ago, in this month or the one before. */
const ago = (hours: number) => new Date(Date.now() - hours * HOUR).toISOString();

function lineOf(hours: number, guest: number, change: string, since: number) {
  const name = 'orders\u001b[1A';
  return {
    at: ago(hours),
    instance_id: instance(guest),
    change,
    reason: 'no_reply',
    since: ago(since),
    ...(guest === 1 && { name, hypervisor: 'compute-7' }),
  };
}

const FILED = [
  lineOf(50, 1, 'unreachable', 50.1),
  lineOf(48, 1, 'reachable', 50.1),
  lineOf(30, 2, 'unreachable', 30.1),
  { at: ago(20), day: ago(30).slice(0, 10), round_trips: { [instance(1)]: [2.4, 9.5] } },
];

const path = folder.file('fleet.json');
const months = Map.groupBy(FILED, ({ at }) => at.slice(0, 7));
mkdirSync(join(folder.path, 'fleet.history'), { recursive: true });
for (const [month, lines] of months)
  writeFileSync(
    join(folder.path, 'fleet.history', `${month}.jsonl`),
    lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
  );
const unfiled = [lineOf(0.5, 2, 'reachable', 30.1)];
writeFileSync(path, JSON.stringify({ ...stateOf({}, 3), unfiled }));

type Ended = { code: unknown; stdout: string; stderr: string };

const history = (...args: string[]) => historyOf(path, ...args);

function historyOf(state: string, ...args: string[]): Promise<Ended> {
  const env = { PATH: process.env['PATH'], FLEET_STATE_URL: pathToFileURL(state).href };
  return new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

test('the incidents of the fleet, the newest first, with what is not filed yet, and what they have in common', async () => {
  const { code, stdout } = await history();
  expect(code).toBe(0);
  expect(stdout).toMatch(
    new RegExp(`${instance(2)}.*1 d 5 h[^]*${instance(1)}.*orders\\\\u001b.*compute-7.*2 h 6 min`),
  );
  expect(stdout).toContain('\n2 incidents since ');
  expect(stdout).toContain('\nBy reason: no_reply 2.\nBy hypervisor: compute-7 1.');
});

test('one guest has its round trips besides, also as JSON', async () => {
  const { stdout } = await history(instance(1));
  expect(stdout).toMatch(/1 incident since.*│ 2\.4 +│ 9\.5 +│/s);
  expect(stdout).not.toContain(instance(2));
  expect(JSON.parse((await history('--json', instance(1))).stdout)).toMatchObject({
    incidents: [
      { instance_id: instance(1), reason: 'no_reply', from: expect.any(String), to: expect.any(String) },
    ],
    round_trips: [{ p50: 2.4, p99: 9.5 }],
  });
});

test('--since leaves out what was before, and what cannot be meant is refused', async () => {
  expect((await history('--since', ago(1))).stdout).toMatch(/^1 incident|\n1 incident/);
  expect((await history('--since', ago(0.1))).stdout).toMatch(/^No incident since /);
  expect((await history('--since', '1970-01-01')).stdout).not.toContain('1970'); // 400 days are kept
  for (const since of ['yesterday', '', '1', '7d', '2026-02-30', '11/01/2026', '2999-01-01'])
    expect([since, await history('--since', since)]).toEqual([
      since,
      expect.objectContaining({ code: 3, stderr: expect.stringContaining('2026-11-01') }),
    ]);
  expect(await history('5E3A2F0C')).toMatchObject({ code: 4, stderr: expect.stringContaining('5E3A2F0C') });
});

test('a place without a state has no history, which is not a fleet without incidents', async () => {
  const stderr = expect.stringContaining('No saved state was found');
  expect(await historyOf(folder.file('fleeet.json'))).toEqual({ code: 3, stdout: '', stderr });
});

test('a reader that goes away ends the command without a word', async () => {
  const env = { PATH: process.env['PATH'], FLEET_STATE_URL: pathToFileURL(path).href };
  const child = spawn(process.execPath, [COMMAND], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const [[code], stderr] = await Promise.all([once(child, 'close'), text(child.stderr)]);
  expect([code, stderr]).toEqual([3, '']);
});

/** As for a user who is a number alone, such as in a container. */
const NAMELESS = `
  import os from 'node:os';
  import { syncBuiltinESMExports } from 'node:module';
  os.homedir = () => { throw new Error('ENOENT'); };
  syncBuiltinESMExports();`;

test('a user without a home folder is told what to set', async () => {
  const env = { PATH: process.env['PATH'], BROKER_URL: 'amqp://broker.invalid' };
  const command = ['--import', `data:text/javascript,${encodeURIComponent(NAMELESS)}`, COMMAND];
  const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const [[code], stderr] = await Promise.all([once(child, 'close'), text(child.stderr)]);
  expect([code, stderr]).toEqual([3, 'This user has no home folder: set HOME, or FLEET_STATE_URL.\n']);
});
