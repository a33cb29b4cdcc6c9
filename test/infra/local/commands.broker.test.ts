import { type ChildProcessByStdio, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { end, lineOf } from '../../../infra/local/parts/child.ts';
import { TemporaryFolder } from '../../../infra/local/parts/temporary-folder.ts';
import { PrometheusServer, promtool } from '../../prometheus/prometheus-server.ts';
import { eventually } from '../../setup/eventually.ts';
import { respond } from '../../setup/responder.ts';
import { TestBroker } from '../../setup/test-broker.ts';

jest.setTimeout(120_000); // on a busy machine, two `npm start` at once take long

const ROOT = join(import.meta.dirname, '..', '..', '..');
const withDebian = process.env['TEST_WITHOUT_TROVE'] ? test.skip : test; // of Trove, Keystone and Prometheus
const ID = '5e3a2f0c-3f0e-4ef3-8d0c-0d7f3f1f5a11';

let broker: TestBroker;
let folder: TemporaryFolder;

beforeAll(async () => {
  broker = await TestBroker.create();
  folder = new TemporaryFolder('commands');
  await respond(await broker.channel(), ID, (request) => request.reply());
});
afterAll(async () => {
  await broker.delete();
  await folder.remove();
});

function environment(settings: Record<string, string>): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: folder.path, XDG_STATE_HOME: folder.path, ...settings };
}

function commandOf(script: string): string {
  return join(ROOT, 'infra', 'local', script);
}

/** Runs a command to its end. */
function run(script: string, settings: Record<string, string>, ...args: string[]) {
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stdout: string; stderr: string }>();
  const command = [commandOf(script), ...args];
  execFile(process.execPath, command, { env: environment(settings) }, (error, stdout, stderr) =>
    resolve({ code: error?.code ?? 0, stdout, stderr }),
  );
  return promise;
}

function healthCheck(settings: Record<string, string>, ...args: string[]) {
  return run('health-check-command.ts', settings, ...args);
}

type Started = { child: ChildProcessByStdio<null, Readable, null>; url: string; file: string };

async function start(settings: Record<string, string>, ...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, [commandOf('start.ts'), ...args], {
    env: environment({ ...settings, PORT: '0' }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await lineOf(child, /Ping listens on/);
  const [url = ''] = /http:\S+(?=,)/.exec(line) ?? [];
  return { child, url, file: join(ROOT, 'dist', 'running', `${child.pid}.json`) };
}

test.each(['--keystne', 'keystone'])('npm start refuses %s, and starts nothing', async (option) => {
  const { code, stdout, stderr } = await run('start.ts', { PORT: '0' }, option);
  expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(`${option}[^]*Usage: npm start`)]);
});

withDebian('Ctrl-C while the functions are bundled ends npm start without a word', async () => {
  const child = spawn(process.execPath, [commandOf('start.ts')], {
    env: environment({ PORT: '0' }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const said = text(child.stderr);
  const children = ['--ppid', String(child.pid), '--format', 'args='];
  await eventually(
    async () => spawnSync('ps', children).stdout.toString(),
    (commands) => commands.includes('esbuild'),
  );
  process.kill(-Number(child.pid), 'SIGINT'); // reaches the bundler, too
  expect([await once(child, 'exit'), await said]).toEqual([[0, null], '']);
});

test.each([
  ['CONTROL_PLANE_TOPICS', 'a,,b'],
  ['REACHABLE_AFTER_SWEEPS', '0'],
  ['TROVE_URL', 'https://trove.example/v1.0/project'],
])('npm start refuses %s=%s, and starts nothing', async (name, value) => {
  const { code, stdout, stderr } = await run('start.ts', {
    PORT: '0',
    BROKER_URL: broker.url,
    [name]: value,
  });
  expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(name)]);
});

test("npm start refuses --trove beside a broker of one's own, and says what to unset", async () => {
  const { code, stdout, stderr } = await run('start.ts', { PORT: '0', BROKER_URL: broker.url }, '--trove');
  expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('unset BROKER_URL')]);
});

describe('npm run health-check', () => {
  test('a mistyped id is refused with an exit code of its own, and nobody is pinged', async () => {
    const { code, stderr } = await healthCheck({ BROKER_URL: broker.url }, ID, '5E3A2F0C');
    expect([code, stderr]).toEqual([4, expect.stringContaining('5E3A2F0C')]);
  });

  test('a broker whose management API is elsewhere: the address that was tried, and the setting', async () => {
    const { code, stdout } = await healthCheck({ BROKER_URL: broker.url });
    expect(code).toBe(3);
    expect(stdout).toMatch(/https:\/\/127\.0\.0\.1 cannot be reached: E\w+ .*BROKER_MANAGEMENT_URL/);
  });

  test('guests that all answer are exit code 0', async () => {
    const settings = { BROKER_URL: broker.url, BROKER_MANAGEMENT_URL: broker.managementUrl };
    expect(await healthCheck(settings)).toMatchObject({ code: 0, stdout: expect.stringContaining('1 of 1') });
  });

  test('a guest to forget that no sweep has seen is named, with the exit code of a wrong id', async () => {
    const settings = { BROKER_URL: broker.url, BROKER_MANAGEMENT_URL: broker.managementUrl };
    const unseen = await healthCheck(settings, '--forget', ID.replace('5e', '6f'));
    expect([unseen.code, unseen.stdout]).toEqual([
      4,
      expect.stringMatching(/seen by no sweep: 6f3a2f0c-\S+\n$/),
    ]);
    expect(await healthCheck(settings, '--forget', ID)).toMatchObject({ code: 0 });
  });

  test('a mute is set, listed and ended, and a mute without an end is refused', async () => {
    const settings = { BROKER_URL: broker.url, BROKER_MANAGEMENT_URL: broker.managementUrl };
    await healthCheck(settings);
    const set = await healthCheck(settings, '--mute', 'compute-7', '--for', '2h', '--note', 'new\u001bdisk');
    const line = /^compute-7 is muted until [\d-]+ [\d:]+ UTC, by \w+: new\\u001bdisk \(no guest now\)\n$/;
    expect(set).toMatchObject({ code: 0, stdout: expect.stringMatching(line) });
    expect((await healthCheck(settings, '--mutes')).stdout).toMatch(line);
    expect((await healthCheck(settings, '--unmute', 'compute-7')).stdout).toBe('Nothing is muted.\n');
    const endless = await healthCheck(settings, '--mute', 'all');
    expect(endless).toMatchObject({ code: 3, stderr: expect.stringContaining('mute.for') });
  });

  test.each([
    ['--mute', 'all', '--for', '1h', '--unmute', 'all'],
    ['--for', '1h'],
    ['--mutes', ID],
    ['--mute', 'all', '--for', '1h', '--forget', ID],
  ])('%s %s … is refused, and does nothing', async (...args) => {
    const { code, stdout, stderr } = await healthCheck({ BROKER_URL: broker.url }, ...args);
    expect([code, stdout, stderr]).toEqual([3, '', expect.stringContaining('Usage: npm run health-check')]);
  });
});

describe('two npm start of one checkout', () => {
  let systems: Started[];

  function healthCheckOf({ url }: Started) {
    return healthCheck({ PORT: new URL(url).port });
  }

  beforeAll(async () => {
    const settings = {
      BROKER_URL: broker.url,
      BROKER_MANAGEMENT_URL: broker.managementUrl,
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI',
    };
    systems = await Promise.all([start(settings), start(settings)]);
  });
  afterAll(async () => {
    for (const { child } of systems ?? []) await end(child, 'SIGTERM');
  });

  test('each has a file for its user alone, without AWS credentials', () => {
    for (const { file, url } of systems) {
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
        url,
        settings: { BROKER_URL: broker.url },
      });
      expect(readFileSync(file, 'utf8')).not.toMatch(/AKIDEXAMPLE|wJalrXUtnFEMI/);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
  });

  test('the health check says which of them it sweeps', async () => {
    for (const system of systems)
      expect(await healthCheckOf(system)).toMatchObject({
        code: 0,
        stderr: expect.stringContaining(system.url),
      });
  });

  test('the page of a named broker shows its fleet, JSON and metrics list it, to localhost alone', async () => {
    const [{ url } = { url: '' }] = systems;
    const page = () =>
      fetch(`${url}/fleet`, { headers: { accept: 'text/html' } }).then((response) => response.text());
    await eventually(page, (html) => html.includes('The one guest is reachable'));
    expect(await (await fetch(`${url}/fleet`)).json()).toMatchObject({
      guests: [{ instance_id: ID, reachable: true }],
    });
    const metrics = await fetch(`${url}/fleet`, { headers: { accept: 'text/plain' } });
    expect(await metrics.text()).toContain(`\nrpc_ping_reachable{instance_id="${ID}"} 1\n`);
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    get(`${url}/fleet`, { headers: { host: 'evil.example' } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    expect(await promise).toBe(421);
  });

  withDebian("Debian's Prometheus scrapes it, and promtool finds nothing to say of its metrics", async () => {
    const [{ url } = { url: '' }] = systems;
    const { host } = new URL(url);
    const text = await (await fetch(`${url}/fleet`, { headers: { accept: 'text/plain' } })).text();
    expect(promtool(['check', 'metrics'], text)).toBe('');
    const job = {
      job_name: 'npm-start',
      metrics_path: '/fleet',
      scrape_interval: '1s',
      static_configs: [{ targets: [host] }],
    };
    writeFileSync(folder.file('prometheus.yml'), JSON.stringify({ scrape_configs: [job] })); // JSON is YAML
    const prometheus = await PrometheusServer.start(folder.file('prometheus.yml'), folder.file('prometheus'));
    try {
      const samples = () => prometheus.query('rpc_ping_reachable');
      expect(await eventually(samples, ({ length }) => length > 0)).toMatchObject([
        { metric: { instance_id: ID, instance: host }, value: [expect.anything(), '1'] },
      ]);
    } finally {
      await prometheus.end();
    }
  });

  test('the file of a killed one goes, the other one is swept', async () => {
    const [killed, other] = systems;
    if (!killed || !other) throw new Error('Not started');
    await end(killed.child, 'SIGKILL');
    await eventually(
      async () => existsSync(killed.file),
      (exists) => !exists,
    );
    expect(await healthCheckOf(killed)).toMatchObject({ code: 3 });
    expect(await healthCheckOf(other)).toMatchObject({ code: 0 });
  });
});

withDebian(
  "npm start -- --trove: what a real Trove's list says of the demo's guests stands beside what a sweep finds",
  async () => {
    const { child, url } = await start({}, '--trove');
    try {
      const answer = async () => (await fetch(`${url}/fleet`)).json();
      const { guests } = await eventually(answer, ({ sweep }) => sweep !== undefined, 120_000);
      const found = (guests as Record<string, unknown>[]).map((guest) =>
        ['name', 'reachable', 'reason', 'trove_status', 'counted_apart'].map((field) => guest[field]),
      );
      for (const guest of [
        ['wiki', true, undefined, undefined, undefined],
        ['shop', false, 'no_consumer', 'ACTIVE', undefined],
        ['blog', false, 'queue_missing', 'BUILD', 'expected_silent'],
        ['archive', false, 'queue_down', 'REBOOT', 'expected_silent'],
      ])
        expect(found).toContainEqual(guest);
      const html = await (await fetch(`${url}/fleet`, { headers: { accept: 'text/html' } })).text();
      expect(html).toMatch(/Trove says otherwise.*billing.*Trove: ERROR/s);
      expect(html).toMatch(/silence expected.*<b>blog<\/b>.*Trove: BUILD/s);
    } finally {
      await end(child, 'SIGTERM');
    }
  },
  300_000,
);
