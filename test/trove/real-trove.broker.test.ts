import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Deadline } from '../../functions/time/deadline.ts';
import { type TroveList, troveLister } from '../../functions/trove/trove-list.ts';
import { ensureDebianPackages } from '../../infra/local/parts/debian-packages.ts';
import { Keystone } from '../../infra/local/parts/keystone.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { authtokenConfig, TroveApiServer } from '../../infra/local/parts/trove-api-server.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';
import { Relay } from './relay.ts';

/** With Keystone and Trove's API of Debian's packages. */
const onDebian = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

const IDS = Array.from({ length: 100 }, () => randomUUID() as string);

onDebian("a real Trove's list", () => {
  const folder = new TemporaryFolder('trove-list');
  let keystone: Keystone;
  let broker: TestBroker;
  let trove: TroveApiServer;
  let project: string;
  let lister: ReturnType<typeof troveLister>;

  beforeAll(async () => {
    ensureDebianPackages('python3-keystonemiddleware');
    const started = await Keystone.start();
    if (!started) throw new Error('No Keystone here');
    keystone = started;
    broker = await TestBroker.create();
    project = await keystone.createProject('databases');
    for (const [name, role] of [
      ['sweeper', 'admin'],
      ['clerk', 'member'],
      ['trove', 'admin'],
    ] as const)
      await keystone.grant(await keystone.createUser(name), role, `projects/${project}`);
    const keys = Object.fromEntries(IDS.map((id) => [id, null]));
    const authtoken = `${authtokenConfig(keystone.url, 'databases')}token_cache_time = -1\n`; // Keystone is asked each time
    trove = await TroveApiServer.start(broker.url, keys, authtoken);
    lister = await listerFor('sweeper');
  }, 300_000);
  afterAll(async () => {
    await trove?.end();
    await broker?.delete();
    await keystone?.stop();
    await folder.remove();
  });

  /** With an application credential of this user, as Keystone makes one. */
  async function listerFor(user: string) {
    const file = folder.file(`${user}.json`);
    await writeFile(file, JSON.stringify(await keystone.createApplicationCredential(user, project)));
    return troveLister({
      url: `${trove.url}/v1.0`,
      keystoneUrl: keystone.url,
      credential: { file },
      expectedSilenceMs: 1,
    });
  }

  const list = (timeoutMs = 60_000): Promise<TroveList> => lister(Deadline.in(timeoutMs));

  function set(
    id: string | undefined,
    column: 'task_id' | 'name' | 'cluster_id' | 'deleted',
    value: string,
  ): void {
    trove.sql(`UPDATE instances SET ${column} = ? WHERE id = ?`, value, id ?? '');
  }

  test('has every instance, with what people read', async () => {
    const { instances, ...how } = await list();
    expect(how).toEqual({ isFresh: true });
    expect(new Set(instances.keys())).toEqual(new Set(IDS));
    const [, second = ''] = IDS;
    expect(instances.get(second)).toEqual({
      id: second,
      name: second,
      projectId: 'tenant',
      status: 'ACTIVE',
      hypervisor: 'compute-2',
      datastoreVersion: 'mysql 8.0',
    });
  });

  test('has each status, the instances of clusters, and names as harmless text', async () => {
    const tasks = {
      BUILD: 0x05,
      REBOOT: 0x03,
      RESIZE: 0x04,
      PROMOTE: 0x08,
      EJECT: 0x09,
      UPGRADE: 0x59,
      SHUTDOWN: 0x02,
      ERROR: 0x51,
    };
    for (const [index, task] of Object.values(tasks).entries()) set(IDS[index], 'task_id', String(task));
    set(IDS[8], 'cluster_id', randomUUID());
    set(IDS[9], 'name', '<b>"böse"\n</b>');
    const { instances } = await list();
    const [inCluster, named, ...rest] = IDS.slice(8).map((id) => instances.get(id));
    expect(IDS.slice(0, 8).map((id) => instances.get(id)?.status)).toEqual(Object.keys(tasks));
    expect(inCluster).toMatchObject({ id: IDS[8] });
    expect(named).toMatchObject({ name: '_b__böse___/b_' });
    expect(rest).toHaveLength(90);
  });

  test('has an instance that is being deleted until it is gone', async () => {
    const id = IDS[50] ?? '';
    const token = await keystone.login('sweeper', { project: { id: project } });
    trove.sql('UPDATE instances SET tenant_id = ? WHERE id = ?', project, id);
    const path = `${trove.url}/v1.0/${project}/instances/${id}`;
    const { status } = await fetch(path, { method: 'DELETE', headers: { 'X-Auth-Token': token } });
    expect(status).toBe(202);
    expect((await list()).instances.get(id)).toMatchObject({ status: 'SHUTDOWN' });
    set(id, 'deleted', '1'); // the last step of Trove's taskmanager
    const { instances, isFresh } = await list();
    expect(isFresh).toBe(true);
    expect(instances.has(id)).toBe(false);
    expect(instances.size).toBe(99);
  });

  test('needs the role of an admin', async () => {
    const clerk = await listerFor('clerk');
    expect(await clerk(Deadline.in(60_000))).toEqual({
      instances: new Map(),
      isFresh: false,
      problem: 'Trove answered with status 401: the application credential has no role of an admin',
    });
  });

  describe('in a sweep, whatever Trove does', () => {
    const [unbound, agentless] = IDS.slice(60, 62) as [string, string];
    const alive = IDS.filter((id) => ![unbound, agentless, IDS[50]].includes(id));
    const html = '<html><body>503 Service Unavailable</body></html>';
    let relay: Relay;
    let healthCheck: HealthCheckUnderTest;
    let credential: { readonly id: unknown; readonly userId: string };

    beforeAll(async () => {
      relay = await Relay.start(trove.url);
      const channel = await broker.channel();
      for (const id of alive) await respond(channel, id, (request) => request.reply());
      await channel.assertQueue(`guestagent.${agentless}`);
      await channel.bindQueue(`guestagent.${agentless}`, 'trove', `guestagent.${agentless}`);
      const userId = await keystone.createUser('revoked');
      await keystone.grant(userId, 'admin', `projects/${project}`);
      const made = await keystone.createApplicationCredential('revoked', project);
      credential = { id: made.id, userId };
      await writeFile(folder.file('revoked.json'), JSON.stringify(made));
      healthCheck = await HealthCheckUnderTest.start({
        BROKER_URL: broker.url,
        BROKER_MANAGEMENT_URL: broker.managementUrl,
        FLEET_STATE_URL: pathToFileURL(folder.file('state.json')).href,
        UNREACHABLE_AFTER_SWEEPS: '1',
        RPC_TIMEOUT_SECONDS: '5',
        NO_CONSUMER_GRACE_SECONDS: '0.2',
        CONTROL_PLANE_TOPICS: '',
        TROVE_URL: `${relay.url}/v1.0`,
        KEYSTONE_URL: keystone.url,
        TROVE_CREDENTIALS_FILE: folder.file('revoked.json'),
      });
    }, 60_000);
    afterAll(async () => {
      await healthCheck?.lambda.end();
      await relay?.end();
    });

    /** Instances are updated one after the other, so that a page begins elsewhere than the one before ended. */
    function updateBeforeEachPage(): void {
      let pages = 0;
      relay.beforePage = () => {
        for (const id of [IDS[(pages * 37) % 100], IDS[99 - (pages % 100)]])
          trove.sql(
            'UPDATE instances SET updated = ? WHERE id = ?',
            `2099-01-01 00:00:${10 + pages}`,
            id ?? '',
          );
        pages++;
      };
    }

    test.each<[what: string, begin: () => unknown, problem: RegExp | undefined]>([
      ['that is well', () => undefined, undefined],
      [
        'with HTML and status 200',
        () => Object.assign(relay, { instead: { status: 200, body: html } }),
        /not JSON$/,
      ],
      ['with 503', () => Object.assign(relay, { instead: { status: 503, body: html } }), /status 503$/],
      ['that is back', () => Object.assign(relay, { instead: undefined }), undefined],
      ['whose instances change before each page', updateBeforeEachPage, undefined],
      [
        'whose application credential is deleted',
        () =>
          keystone.request('DELETE', `users/${credential.userId}/application_credentials/${credential.id}`),
        /^Keystone refused the application credential$/,
      ],
    ])(
      'a Trove %s: the living are well, the dead are dead',
      async (_what, begin, problem) => {
        await begin();
        const { summary } = await healthCheck.sweep({}, 90_000);
        expect(summary).toMatchObject({ reachable: alive.length, unreachable: 2, unknown: 0 });
        const names = summary.unreachable_guests.map(({ instance_id: id, reason, name }) => [
          id,
          reason,
          name,
        ]);
        expect(names.sort()).toEqual(
          [
            [unbound, 'queue_missing', unbound],
            [agentless, 'no_consumer', agentless],
          ].sort(),
        );
        expect(summary.list_problem ?? 'none').toMatch(problem ?? /^none$|changed while they were listed$/);
      },
      120_000,
    );
  });

  test('of a frozen Trove is the last one, in time', async () => {
    process.kill(trove.pid, 'SIGSTOP');
    try {
      const { instances, ...how } = await list(500);
      expect(instances.size).toBe(99);
      expect(how).toEqual({
        isFresh: false,
        problem: 'Trove did not answer in time',
        ageMs: expect.any(Number),
      });
    } finally {
      process.kill(trove.pid, 'SIGCONT');
    }
    expect(await list()).not.toHaveProperty('problem');
  });

  test('of a stopped Trove is the last one', async () => {
    process.kill(trove.pid, 'SIGKILL');
    const { instances, ...how } = await list();
    expect(instances.size).toBe(99);
    expect(how).toMatchObject({
      isFresh: false,
      problem: expect.stringMatching(/^Trove cannot be reached: E/),
    });
  });
});
