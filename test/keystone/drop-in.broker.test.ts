import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ensureDebianPackages } from '../../infra/local/parts/debian-packages.ts';
import { Keystone } from '../../infra/local/parts/keystone.ts';
import { authtokenConfig, TroveApiServer } from '../../infra/local/parts/trove-api-server.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { TestBroker } from '../setup/test-broker.ts';

const SCRIPT = join(import.meta.dirname, 'keystoneauth_client.py');

interface SessionAnswer {
  readonly status: number;
  readonly body: string;
  readonly challenge: string | null;
}

/** With Keystone, Trove and keystoneauth1 of Debian's packages. */
const onDebian = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

onDebian('a keystoneauth1 session that finds the database service in its catalog', () => {
  const guest: string = randomUUID();
  let keystone: Keystone;
  let broker: TestBroker;
  let ours: FunctionUnderTest;
  let trove: TroveApiServer;
  let guests: TroveGuests;
  let project: string;

  beforeAll(async () => {
    ensureDebianPackages('python3-keystonemiddleware', 'python3-keystoneauth1');
    const started = await Keystone.start();
    if (!started) throw new Error('No Keystone here');
    keystone = started;
    broker = await TestBroker.create();
    const host = await TroveGuests.host({ brokerUrl: broker.url });
    if (!host) throw new Error('No Trove guests here');
    guests = host;
    await guests.start(guest);
    project = await keystone.createProject('databases');
    const on = `projects/${project}`;
    for (const [name, role] of [
      ['boss', 'admin'],
      ['clerk', 'member'],
      ['trove', 'admin'],
    ] as const)
      await keystone.grant(await keystone.createUser(name), role, on);
    ours = await FunctionUnderTest.start({ BROKER_URL: broker.url, KEYSTONE_URL: keystone.url });
    trove = await TroveApiServer.start(
      broker.url,
      { [guest]: null },
      authtokenConfig(keystone.url, 'databases'),
    );
    await offer({ ours: ours.url, trove: trove.url });
  }, 180_000);
  afterAll(async () => {
    await trove.end();
    await ours.end();
    await guests.end();
    await broker.delete();
    await keystone.stop();
  });

  /** Puts both into the catalog as the database service, each in a region of its own. */
  async function offer(urls: Readonly<Record<string, string>>): Promise<void> {
    const { body } = await keystone.request('POST', 'services', {
      service: { type: 'database', name: 'trove' },
    });
    for (const [region, url] of Object.entries(urls)) {
      await keystone.request('POST', 'regions', { region: { id: region } });
      const endpoint = {
        service_id: body['service']?.['id'],
        interface: 'public',
        region_id: region,
        url: `${url}/v1.0/$(project_id)s`,
      };
      await keystone.request('POST', 'endpoints', { endpoint });
    }
  }

  /** The same session's request to both, which differ by the region alone. */
  async function both(
    user: string,
    path: string,
    projectId = project,
  ): Promise<readonly [SessionAnswer, SessionAnswer]> {
    const requests = ['ours', 'trove'].map((region) => ({
      auth_url: keystone.url,
      username: user,
      password: user,
      scope: { project_id: projectId },
      region,
      path,
    }));
    const { stdout } = await promisify(execFile)('/usr/bin/python3', [SCRIPT, JSON.stringify(requests)]);
    const [fromUs, fromTrove] = JSON.parse(stdout);
    return [fromUs, fromTrove];
  }

  function bothDirectly(token: string | undefined, tenant = project, id = guest): Promise<SessionAnswer[]> {
    const path = `/v1.0/${tenant}/mgmt/instances/${id}/rpc_ping`;
    const headers: Record<string, string> = token === undefined ? {} : { 'X-Auth-Token': token };
    return Promise.all(
      [ours.url, trove.url].map(async (url) => {
        const response = await fetch(url + path, { headers });
        const challenge = response.headers.get('www-authenticate');
        return { status: response.status, body: await response.text(), challenge };
      }),
    );
  }

  /** A body as its reader sees it: the order of its keys and the blanks between them say nothing. */
  function parsed({ status, body, challenge }: SessionAnswer): object {
    return { status, body: body === '' ? '' : JSON.parse(body), challenge };
  }

  test("an admin's keystoneauth1 session gets 204 from us as from Trove", async () => {
    const [fromUs, fromTrove] = await both('boss', `/mgmt/instances/${guest}/rpc_ping`);
    expect(fromUs).toEqual({ status: 204, body: '', challenge: null });
    expect(fromUs).toEqual(fromTrove);
  });

  test("a session without an admin's role gets the same 401 from both", async () => {
    const [fromUs, fromTrove] = await both('clerk', `/mgmt/instances/${guest}/rpc_ping`);
    expect(fromUs.status).toBe(401);
    expect(parsed(fromUs)).toEqual(parsed(fromTrove));
  });

  test('a malformed instance id gets the same 404 from both', async () => {
    const [fromUs, fromTrove] = await both('boss', '/mgmt/instances/not-an-id/rpc_ping');
    expect(fromUs.status).toBe(404);
    expect(parsed(fromUs)).toEqual(parsed(fromTrove));
  });

  test.each([
    ['no token', undefined],
    ['nonsense for one', 'nonsense'],
  ])('and a caller with %s the same 401', async (_what, token) => {
    const [fromUs, fromTrove] = await bothDirectly(token);
    if (!fromUs || !fromTrove) throw new Error('No answer');
    expect(fromUs.status).toBe(401);
    expect(parsed(fromUs)).toEqual(parsed(fromTrove));
  });

  test("the path of another project gets the same words in a 403, in JSON rather than Trove's HTML", async () => {
    const token = await keystone.login('boss', { project: { id: project } });
    const [fromUs, fromTrove] = await bothDirectly(token, 'another');
    expect([fromUs?.status, fromTrove?.status]).toEqual([403, 403]);
    const words = `User with tenant id ${project} cannot access this resource.`;
    expect(fromUs?.body).toContain(words);
    expect(fromTrove?.body).toContain(words);
  });

  test('an unscoped token gets the same 403 from both', async () => {
    const [fromUs, fromTrove] = await bothDirectly(await keystone.login('boss', 'unscoped'));
    expect([fromUs?.status, fromTrove?.status]).toEqual([403, 403]);
    for (const answer of [fromUs, fromTrove])
      expect(answer?.body).toContain('User with tenant id None cannot');
  });
});
