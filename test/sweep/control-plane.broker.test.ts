import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ReportedSummary } from '../../functions/changes/report.ts';
import { end, killWithThisProcess, PYTHON_ENV } from '../../infra/local/parts/child.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { eventually } from '../setup/eventually.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { TestBroker } from '../setup/test-broker.ts';

/** With Trove's own services, of Debian's packages. */
const onDebian = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

onDebian("Trove's control plane", () => {
  const folder = new TemporaryFolder('control-plane');
  let broker: TestBroker;
  let healthCheck: HealthCheckUnderTest;
  const running = new Map<string, ChildProcess>();

  beforeAll(async () => {
    broker = await TestBroker.create();
    // Debian's trove-manage does not run on its Python (3.11 has no inspect.getargspec).
    const sync =
      'import sys; from trove.common import cfg; cfg.CONF(sys.argv[1:]); from trove.db import get_db_api; get_db_api().db_sync(cfg.CONF)';
    await promisify(execFile)('/usr/bin/python3', ['-c', sync, ...(await config('sync'))], {
      env: PYTHON_ENV,
    });
    healthCheck = await HealthCheckUnderTest.start({
      BROKER_URL: broker.url,
      BROKER_MANAGEMENT_URL: broker.managementUrl,
      FLEET_STATE_URL: pathToFileURL(folder.file('state.json')).href,
      RPC_TIMEOUT_SECONDS: '2',
      NO_CONSUMER_GRACE_SECONDS: '0.2',
      CONTROL_PLANE_TOPICS: 'taskmanager,trove-conductor,pinged,elsewhere:taskmanager',
    });
  }, 180_000);
  afterAll(async () => {
    for (const name of running.keys()) await kill(name);
    await healthCheck?.lambda.end();
    await broker?.delete();
    await folder.remove();
  });

  /** A trove.conf. @param more lines of it */
  async function config(name: string, more = ''): Promise<string[]> {
    const { host, username, password, pathname } = new URL(broker.url);
    const file = folder.file(`${name}.conf`);
    await writeFile(
      file,
      `[DEFAULT]
transport_url = rabbit://${username}:${password}@${host}${pathname}
control_exchange = trove
trove_conductor_workers = 1
${more}
[database]
connection = sqlite:///${folder.file('trove.sqlite')}
sqlite_synchronous = false
`,
    );
    return ['--config-file', file];
  }

  /** Starts one of Trove's services. */
  async function start(name: string, program: string, more?: string): Promise<void> {
    const args = [`/usr/bin/${program}`, ...(await config(name, more))];
    const child = spawn('/usr/bin/python3', args, { stdio: 'ignore', env: PYTHON_ENV, detached: true });
    killWithThisProcess(child, true);
    running.set(name, child);
  }

  async function kill(name: string): Promise<void> {
    const service = running.get(name);
    running.delete(name);
    if (service) await end(service, 'SIGKILL', true); // with its workers
  }

  async function sweep(): Promise<ReportedSummary['control_plane']> {
    return ((await healthCheck.lambda.invoke({})) as ReportedSummary).control_plane;
  }

  const until = (topic: string, reachable: boolean) =>
    eventually(
      sweep,
      (topics = []) => topics.some((each) => each.topic === topic && each.reachable === reachable),
      60_000,
    );

  const NOT_SEEN = { reachable: null, reason: 'not_seen' };

  test('a server that was never there rings nothing', async () => {
    const { summary, metrics } = await healthCheck.sweep();
    const topics = ['taskmanager', 'trove-conductor', 'pinged', 'elsewhere:taskmanager'];
    expect(summary.control_plane).toEqual(topics.map((topic) => ({ topic, ...NOT_SEEN })));
    expect(metrics).toContainEqual(expect.objectContaining({ ControlPlaneUnreachable: 0 }));
  });

  test('any reply proves life: pong, NoSuchMethod, and KeyError of a server with secure RPC', async () => {
    await start('taskmanager', 'trove-taskmanager');
    await start('conductor', 'trove-conductor', 'enable_secure_rpc_messaging = false');
    await start(
      'pinged',
      'trove-conductor',
      'conductor_queue = pinged\nrpc_ping_enabled = true\nenable_secure_rpc_messaging = false',
    );
    for (const topic of ['taskmanager', 'trove-conductor', 'pinged']) await until(topic, true);
  }, 180_000);

  test('a server that is killed is unreachable, with since when, and reachable when it is back', async () => {
    await kill('conductor');
    const [, conductor, pinged] = (await until('trove-conductor', false)) ?? [];
    expect(conductor).toEqual({
      topic: 'trove-conductor',
      reachable: false,
      reason: expect.stringMatching(/^(no_consumer|queue_missing|no_reply)$/),
      since: expect.any(String),
    });
    expect(pinged).toEqual({ topic: 'pinged', reachable: true });
    const { summary, metrics } = await healthCheck.sweep();
    expect(summary.control_plane?.[1]).toEqual(conductor);
    expect(metrics).toContainEqual(expect.objectContaining({ ControlPlaneUnreachable: 1 }));
    await start('conductor', 'trove-conductor', 'enable_secure_rpc_messaging = false');
    await until('trove-conductor', true);
  }, 180_000);

  test('a sweep of named guests leaves the control plane alone', async () => {
    const { summary } = await healthCheck.sweep({ instance_ids: ['00000000-0000-4000-8000-000000000001'] });
    expect(summary.control_plane).toBeUndefined();
  });
});
