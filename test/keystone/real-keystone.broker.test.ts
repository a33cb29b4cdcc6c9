import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Keystone, type Scope } from '../../infra/local/parts/keystone.ts';
import { eventually } from '../setup/eventually.ts';
import { type Answer, FunctionUnderTest } from '../setup/function-under-test.ts';
import { respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';

// What Trove's own API answers, byte for byte.
const UNAUTHENTICATED =
  '{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}';
const NOT_ADMIN = '{"unauthorized": {"code": 401, "message": "User does not have admin privileges."}}';
const UNAVAILABLE =
  '{"serviceUnavailable": {"message": "The Keystone service is temporarily unavailable.", "code": 503}}';

/** With a Keystone of Debian's packages, as the real guests are. */
const onDebian = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

onDebian('with a real Keystone', () => {
  const guest: string = randomUUID();
  let keystone: Keystone;
  let broker: TestBroker;
  let fn: FunctionUnderTest;
  let project: string;
  let otherProject: string;
  let boss: string;
  let bossToken: string;

  beforeAll(async () => {
    const started = await Keystone.start();
    if (!started) throw new Error('No Keystone here');
    keystone = started;
    broker = await TestBroker.create();
    await respond(await broker.channel(), guest, ({ reply }) => reply());
    project = await keystone.createProject('databases');
    otherProject = await keystone.createProject('others');
    boss = await keystone.createUser('boss');
    for (const on of [`projects/${project}`, `projects/${otherProject}`, 'domains/default'])
      await keystone.grant(boss, 'admin', on);
    bossToken = await keystone.login('boss', inProject());
    fn = await FunctionUnderTest.start({ BROKER_URL: broker.url, KEYSTONE_URL: keystone.url });
  }, 180_000);
  afterAll(async () => {
    await fn.end();
    await broker.delete();
    await keystone.stop();
  });

  test("its keys are its own: those below /etc are for Debian's user alone", () => {
    const environ = readFileSync(`/proc/${keystone.pid}/environ`, 'utf8');
    const [, file = ''] = /OS_KEYSTONE_CONFIG_FILES=([^\0]+)/.exec(environ) ?? [];
    const script = `
import sys, keystone.conf
keystone.conf.configure()
keystone.conf.CONF([], default_config_files=[sys.argv[1]])
for name in 'credential', 'fernet_receipts', 'fernet_tokens': print(keystone.conf.CONF[name].key_repository)`;
    const folders = execFileSync('/usr/bin/python3', ['-c', script, file]).toString().trim().split('\n');
    expect(folders).toHaveLength(3);
    expect(folders.filter((folder) => !folder.startsWith(dirname(file)))).toEqual([]);
  });

  function inProject(id = project): Scope {
    return { project: { id } };
  }

  function ping(token?: string, { tenant = project, id = guest, under = fn } = {}): Promise<Answer> {
    return under.ping(id, tenant, token === undefined ? {} : { 'x-auth-token': token });
  }

  function expectChallenge({ headers }: Answer): void {
    expect(headers.get('www-authenticate')).toBe(`Keystone uri="${keystone.url.replace('/v3', '')}"`);
    expect(headers.get('content-type')).toBe('application/json; charset=UTF-8');
  }

  function expectUnauthenticated(answer: Answer): void {
    expect(answer).toMatchObject({ status: 401, body: UNAUTHENTICATED });
    expectChallenge(answer);
  }

  function foreign(shown: string): object {
    const message = `User with tenant id ${shown} cannot access this resource.`;
    return { status: 403, body: `{"forbidden": {"message": "${message}", "code": 403}}` };
  }

  /** Logs in a new user with one role in the project. */
  async function tokenWithRole(role: string): Promise<string> {
    const name = `user-${randomUUID()}`;
    await keystone.grant(await keystone.createUser(name), role, `projects/${project}`);
    return keystone.login(name, inProject());
  }

  describe('nobody gets past without a good token', () => {
    test('a request without a token is refused', async () => {
      expectUnauthenticated(await ping());
    });

    test.each([
      ['an empty one', ''],
      ['nonsense', 'nonsense'],
      ['one of another Keystone', `gAAAAAB${'x'.repeat(176)}`],
      ['two', 'one, two'],
      ['one of 9000 characters', 'x'.repeat(9000)],
    ])('%s as a token is refused', async (_what, token) => {
      expectUnauthenticated(await ping(token));
    });

    test('a good token whose last letters were changed is refused', async () => {
      expectUnauthenticated(await ping(`${bossToken.slice(0, -6)}abcdef`));
    });

    test('a token that was revoked before its first use is refused', async () => {
      const token = await keystone.login('boss', inProject());
      const headers = { 'X-Auth-Token': token, 'X-Subject-Token': token };
      await fetch(`${keystone.url}/auth/tokens`, { method: 'DELETE', headers });
      expectUnauthenticated(await ping(token));
    });

    test('a token of a user who was disabled since is refused', async () => {
      const name = `user-${randomUUID()}`;
      const id = await keystone.createUser(name);
      await keystone.grant(id, 'admin', `projects/${project}`);
      const token = await keystone.login(name, inProject());
      await keystone.request('PATCH', `users/${id}`, { user: { enabled: false } });
      expectUnauthenticated(await ping(token));
    });

    test.each(['/', '/v1.0/tenant/instances', '/anything'])(
      'not even to be told that %s is not there',
      async (path) => {
        expectUnauthenticated(await fn.request('GET', path));
      },
    );

    test('a request without a token gets 401 even for a malformed instance id', async () => {
      expectUnauthenticated(await ping(undefined, { id: 'not-an-id' }));
      expect(await ping(await tokenWithRole('member'), { id: 'not-an-id' })).toMatchObject({ status: 401 });
    });
  });

  describe('a token of another scope is refused, naming its project', () => {
    test('a token of another project is forbidden', async () => {
      expect(await ping(bossToken, { tenant: otherProject })).toMatchObject(foreign(project));
    });

    test('a path that names the project by its name is forbidden', async () => {
      expect(await ping(bossToken, { tenant: 'databases' })).toMatchObject(foreign(project));
    });

    test('a token of another project is forbidden before its role is looked at', async () => {
      const token = await tokenWithRole('member');
      expect(await ping(token, { tenant: otherProject })).toMatchObject(foreign(project));
    });

    test('a token of another project is forbidden even where the path leads nowhere', async () => {
      const headers = { 'x-auth-token': bossToken };
      expect(await fn.request('GET', `/v1.0/${otherProject}/instances`, headers)).toMatchObject(
        foreign(project),
      );
      expect(await fn.request('GET', '/', headers)).toMatchObject(foreign(project));
    });

    test.each<[string, Scope]>([
      ['a domain', { domain: { id: 'default' } }],
      ['nothing', 'unscoped'],
    ])('a token of %s is forbidden', async (_what, scope) => {
      expect(await ping(await keystone.login('boss', scope))).toMatchObject(foreign('None'));
    });

    test('a token of the system is forbidden', async () => {
      await keystone.grant(boss, 'admin', 'system');
      expect(await ping(await keystone.login('boss', { system: { all: true } }))).toMatchObject(
        foreign('None'),
      );
    });
  });

  describe("a token of the project needs an admin's role", () => {
    test.each(['member', 'reader', 'database admin', 'administrator'])(
      'the role %s does not count as admin',
      async (role) => {
        const answer = await ping(await tokenWithRole(role));
        expect(answer).toMatchObject({ status: 401, body: NOT_ADMIN });
        expectChallenge(answer);
      },
    );

    test('a token with the role admin pings the guest', async () => {
      const { status, body, headers } = await ping(bossToken);
      expect([status, body]).toEqual([204, '']);
      expect(headers.get('server-timing')).toMatch(/, rpc;dur=\d+\.\d$/);
    });

    test('a role admin in any case counts as admin', async () => {
      const { body } = await keystone.request('GET', 'roles?name=admin');
      const [id] = Object.values(body['roles'] ?? {}).map((role) => Object(role).id);
      const change = (role: object) => keystone.request('PATCH', `roles/${id}`, { role });
      await change({ options: { immutable: false } });
      await change({ name: 'AdMin' });
      try {
        const token = await keystone.login('boss', inProject());
        expect(await ping(token)).toMatchObject({ status: 204 });
      } finally {
        await change({ name: 'admin' });
      }
    });

    test('the roles in KEYSTONE_ADMIN_ROLES, in any case, and no others count as admin', async () => {
      const settings = { BROKER_URL: broker.url, KEYSTONE_URL: keystone.url };
      await using under = await FunctionUnderTest.start({
        ...settings,
        KEYSTONE_ADMIN_ROLES: 'DB_Operator,x',
      });
      expect(await ping(await tokenWithRole('db_operator'), { under })).toMatchObject({ status: 204 });
      expect(await ping(bossToken, { under })).toMatchObject({ status: 401, body: NOT_ADMIN });
    });
  });

  describe('an application credential', () => {
    async function credential(more: object): Promise<string> {
      const application_credential = { name: randomUUID(), ...more };
      const { body } = await keystone.request(
        'POST',
        `users/${boss}/application_credentials`,
        { application_credential },
        await keystone.login('boss', inProject()),
      );
      const { id, secret } = Object(body['application_credential']);
      return keystone.authenticate({
        methods: ['application_credential'],
        application_credential: { id, secret },
      });
    }

    test('an application credential is as good as its user', async () => {
      expect(await ping(await credential({}))).toMatchObject({ status: 204 });
    });

    test('an application credential of a lesser role is refused', async () => {
      const token = await credential({ roles: [{ name: 'member' }] });
      expect(await ping(token)).toMatchObject({ status: 401, body: NOT_ADMIN });
    });

    test('an application credential with access rules is refused by Keystone itself', async () => {
      const path = '/v1.0/*/mgmt/instances/*/rpc_ping';
      const token = await credential({ access_rules: [{ service: 'database', method: 'GET', path }] });
      expectUnauthenticated(await ping(token));
    });
  });

  test('a caller who is let in gets the same 404s as without Keystone', async () => {
    expect(await ping(bossToken, { id: 'not-an-id' })).toMatchObject({
      status: 404,
      body: '{"itemNotFound": {"message": "Resource not-an-id cannot be found.", "code": 404}}',
    });
    const answer = await fn.request('GET', `/v1.0/${project}/instances`, { 'x-auth-token': bossToken });
    expect(answer.status).toBe(404);
  });

  test('the log has the names of project and user, and no token', async () => {
    const id = randomUUID();
    await ping(bossToken, { id });
    const { log } = await fn.telemetry(id);
    expect(log).toMatchObject([{ tenant_id: project, project_name: 'databases', user_name: 'boss' }]);
    const refused = '"reason":"foreign_project"';
    await ping(bossToken, { tenant: otherProject });
    await eventually(
      async () => fn.output,
      (output) => output.includes(refused),
    );
    expect(fn.output).not.toContain('gAAAA');
  });

  describe('time passes', () => {
    test('while Keystone is down, who was let in is let in, and nobody else: 503 at once', async () => {
      const unseen = await keystone.login('boss', inProject());
      expect(await ping(bossToken)).toMatchObject({ status: 204 });
      await keystone.crash();
      const answer = await ping(unseen);
      expect(answer).toMatchObject({ status: 503, body: UNAVAILABLE });
      expect(answer.headers.get('www-authenticate')).toBeNull();
      expect(await ping(bossToken)).toMatchObject({ status: 204 });
      expectUnauthenticated(await ping());
      await keystone.boot();
      // Its first answers may take longer than the function waits.
      await eventually(
        () => ping(unseen),
        ({ status }) => status === 204,
      );
    }, 120_000);

    test('a Keystone that is frozen is 503, well before the ping would have ended', async () => {
      const unseen = await keystone.login('boss', inProject());
      process.kill(keystone.pid, 'SIGSTOP');
      try {
        expect(await ping(unseen)).toMatchObject({ status: 503, body: UNAVAILABLE });
      } finally {
        process.kill(keystone.pid, 'SIGCONT');
      }
    });

    test('a token that was good is refused once it has expired', async () => {
      await keystone.crash();
      await keystone.boot(3); // from now on all tokens live so short
      const token = await keystone.login('boss', inProject());
      const statuses = new Set<number>();
      await eventually(
        async () => {
          const answer = await ping(token);
          statuses.add(answer.status);
          return answer;
        },
        ({ status }) => status === 401,
      ).then(expectUnauthenticated);
      for (const status of statuses) expect([204, 401]).toContain(status);
    }, 120_000);
  });
});
