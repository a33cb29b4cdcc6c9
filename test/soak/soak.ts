import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { ReportedSummary } from '../../functions/changes/report.ts';
import { ROUTE } from '../../functions/http/request.ts';
import { bundle } from '../../infra/bundle/bundle.ts';
import { LambdaProcess } from '../../infra/local/parts/lambda-process.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { describeMachine } from '../bench/machine.ts';
import { table } from '../bench/report.ts';
import { makePlan, randomNumbers } from './plan.ts';
import { Scores } from './score.ts';
import { type Guest, World } from './world.ts';

// `npm run soak [-- --minutes 15 --seed 1]`: real guests are killed, stopped, frozen and cut off, their broker is restarted and
// blocked, and what pings, sweeps, changes and exit codes say is compared with the truth. A run of 15 minutes writes RESULTS.md.
// `--of DIR`: those of another checkout, after `npm run synth` there; that writes nothing.

const FULL_MINUTES = 15;
const SWEEP_EVERY_MS = 10_000;
const COMMAND_EVERY_MS = 45_000;
const UNREACHABLE_AFTER_SWEEPS = 2;
/** How many guests are pinged at once. */
const PINGERS = 4;
const PING_PAUSE_MS = 300;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: String(FULL_MINUTES) },
    seed: { type: 'string', default: '1' },
    of: { type: 'string' },
  },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
const other = values.of === undefined ? undefined : resolve(values.of);

const folder = new TemporaryFolder('soak');
const world = await World.make();
const scores = new Scores(world);
const settings = {
  BROKER_URL: world.rabbit.url,
  BROKER_MANAGEMENT_URL: world.rabbit.managementUrl,
  CONTROL_PLANE_TOPICS: '',
  RPC_TIMEOUT_SECONDS: '8',
};
const state = (name: string) => pathToFileURL(folder.file(`${name}.json`)).href;
let isOver = false;

try {
  const pinging = await start('rpc-ping', settings);
  const sweeping = await start('health-check', {
    ...settings,
    FLEET_STATE_URL: state('sweeps'),
    UNREACHABLE_AFTER_SWEEPS: String(UNREACHABLE_AFTER_SWEEPS),
  });
  const begin = performance.now();
  const happenings = makePlan(minutes, seed).map(async (happening) => {
    await setTimeout(happening.atMs);
    const { kind, forMs } = happening;
    console.log(
      `${Math.round((performance.now() - begin) / 1000)} s: ${kind} for ${Math.round(forMs / 1000)} s`,
    );
    await world.happen(happening);
  });
  const workers = [
    ...Array.from({ length: PINGERS }, (_, index) => pingOn(pinging, randomNumbers(seed + index))),
    sweepOn(sweeping),
    commandOn(),
  ];
  await setTimeout(minutes * 60_000);
  await Promise.all(happenings);
  isOver = true;
  await Promise.all(workers);
  scores.finish(UNREACHABLE_AFTER_SWEEPS);
  await pinging.end();
  await sweeping.end();
  console.log(`\n${report()}`);
  if (minutes >= FULL_MINUTES && other === undefined)
    await writeFile(join(import.meta.dirname, 'RESULTS.md'), report());
} finally {
  await world.end();
  await folder.remove();
}
process.exit(scores.isFlawless ? 0 : 1);

async function start(name: 'rpc-ping' | 'health-check', env: Record<string, string>): Promise<LambdaProcess> {
  const bundlePath = other === undefined ? await bundle(name) : join(other, 'dist', name, 'index.mjs');
  const local = { name, bundlePath, timeoutMs: 120_000, memoryMb: 256 };
  return LambdaProcess.start(local, env, () => undefined);
}

async function pingOn(lambda: LambdaProcess, random: () => number): Promise<void> {
  while (!isOver) {
    const guest = world.guests[Math.floor(random() * world.guests.length)] as Guest;
    const begin = performance.now();
    const pathParameters = { tenant_id: 'tenant', instance_id: guest.id };
    const event = { routeKey: `${ROUTE.method} ${ROUTE.path}`, headers: {}, pathParameters };
    const { statusCode, headers } = Object(await lambda.invoke(event));
    const reason = /details="([a-z_]+)"/.exec(headers['Proxy-Status'] ?? '')?.[1];
    scores.ping(
      guest,
      statusCode === 204 ? 'reachable' : (reason ?? `status ${statusCode}`),
      begin,
      performance.now(),
    );
    await setTimeout(PING_PAUSE_MS);
  }
}

/** Between two sweeps the process is stopped, as Lambda freezes a function. */
async function sweepOn(lambda: LambdaProcess): Promise<void> {
  while (!isOver) {
    const begin = performance.now();
    process.kill(lambda.pid, 'SIGCONT');
    const summary = (await lambda.invoke({})) as ReportedSummary;
    scores.sweep(summary, begin, performance.now());
    process.kill(lambda.pid, 'SIGSTOP');
    await setTimeout(Math.max(0, begin + SWEEP_EVERY_MS - performance.now()));
  }
}

/** Runs `npm run health-check`, as an operator or a cron job does, with a state of its own. */
async function commandOn(): Promise<void> {
  const checkout = other ?? join(import.meta.dirname, '..', '..');
  const script = join(checkout, 'infra', 'local', 'health-check-command.ts');
  const env = { PATH: process.env['PATH'], ...settings, FLEET_STATE_URL: state('command') };
  while (!isOver) {
    const begin = performance.now();
    const { promise, resolve } = Promise.withResolvers<number>();
    execFile(process.execPath, [script, '--json'], { env, maxBuffer: 1e8 }, (error) =>
      resolve(error ? Number(error.code) : 0),
    );
    scores.exitCode(await promise, begin, performance.now());
    await setTimeout(Math.max(0, begin + COMMAND_EVERY_MS - performance.now()));
  }
}

function report(): string {
  const happened = [...world.counts].map(([kind, count]) => [kind, String(count)]);
  const returned = world.returnedAfterMs.toSorted((a, b) => a - b);
  const at = (share: number) =>
    ((returned[Math.floor(share * (returned.length - 1))] ?? 0) / 1000).toFixed(1);
  const parts = [
    '# A soak against the truth',
    `Written by \`npm run soak -- --minutes ${minutes} --seed ${seed}\`. ${world.guests.length} real Trove guests in ten processes; what was done to them and to their broker is the truth, and what the bundled functions said is compared with it. Where the truth changed while a ping or a sweep ran, either answer is right, but a guest that was dead all the time is never reachable.`,
    scores.table,
    'What happened:',
    table(['', 'times'], happened),
    `After a restart of the broker, half of the agents consumed their queues again ${at(0.5)} s after its port opened, the last one after ${at(1)} s.`,
    scores.isFlawless
      ? 'Nothing was wrong.'
      : `What was wrong:\n\n${scores.mistakes.map((each) => `- ${each}`).join('\n')}`,
    '## The machine',
    describeMachine(),
  ];
  return `${parts.join('\n\n')}\n`;
}
