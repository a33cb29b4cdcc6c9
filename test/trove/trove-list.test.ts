import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { Deadline } from '../../functions/time/deadline.ts';
import { instanceLister, troveLister } from '../../functions/trove/trove-list.ts';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { instance } from '../page/states.ts';
import { type Row, TroveStandIn } from './trove-stand-in.ts';

const SECRET = 'a-secret-of-32-characters-or-more';

const folder = new TemporaryFolder('trove');
const file = folder.file('credential.json');
let trove: TroveStandIn;

beforeAll(() => writeFile(file, JSON.stringify({ id: 'credential', secret: SECRET })));
beforeEach(async () => {
  trove = await TroveStandIn.start();
});
afterEach(() => trove[Symbol.asyncDispose]());
afterAll(() => folder.remove());

function lister(pageSize?: number, url = trove.url) {
  const settings = {
    url: `${url}/v1.0`,
    keystoneUrl: `${url}/v3`,
    credential: { file },
    expectedSilenceMs: 3_600_000,
  };
  return troveLister(settings, instanceLister(settings, pageSize));
}

function fill(count: number): Row[] {
  for (let index = 1; index <= count; index++) trove.rows.push({ id: instance(index), updated: index });
  return trove.rows;
}

const list = (from: ReturnType<typeof lister>, timeoutMs = 5000) => from(Deadline.in(timeoutMs));

function respond(status: number, body: string) {
  return (_request: IncomingMessage, response: ServerResponse) => response.writeHead(status).end(body);
}

test('an instance has its name, project, status, hypervisor and datastore', async () => {
  fill(1);
  expect(await list(lister())).toEqual({
    isFresh: true,
    instances: new Map([
      [
        instance(1),
        {
          id: instance(1),
          name: 'db-001',
          projectId: 'tenant',
          status: 'HEALTHY',
          hypervisor: 'compute-7',
          datastoreVersion: 'mysql 8.0',
        },
      ],
    ]),
  });
  expect(trove.requests).toEqual([
    '/v1.0/project/mgmt/instances?deleted=false&include_clustered=true&limit=100',
  ]);
});

test('a name that a tenant chose has neither control characters nor markup, and ends', async () => {
  trove.rows.push({ id: instance(1), updated: 1, name: `a\n<b>"'\\\u202e${'x'.repeat(1000)}` });
  const { instances } = await list(lister());
  expect(instances.get(instance(1))?.name).toBe(`a__b_____${'x'.repeat(55)}`);
});

describe('an odd entry', () => {
  const good = { id: instance(1), name: 'db', tenant_id: 'tenant', status: 'ACTIVE' };

  test.each([null, 7, {}, { id: 7 }, { id: 'x', status: 'ACTIVE' }, []])(
    '%j is left out, and the list proves no deletion',
    async (odd) => {
      trove.trove = respond(200, JSON.stringify({ instances: [odd, good] }));
      const { instances, ...rest } = await list(lister());
      expect([...instances.keys()]).toEqual([instance(1)]);
      expect(rest).toEqual({ isFresh: false, problem: expect.stringContaining('left out: 1') });
    },
  );

  test.each([{}, { status: null }, { status: 'BUILD', name: 7, server: 1, datastore: [] }])(
    'an instance with %j is listed',
    async (odd) => {
      trove.trove = respond(200, JSON.stringify({ instances: [{ id: instance(2), ...odd }, good] }));
      const { instances, isFresh } = await list(lister());
      expect(isFresh).toBe(true);
      expect(instances.get(instance(2))).toEqual({
        id: instance(2),
        name: '',
        projectId: '',
        status: odd.status ?? '',
      });
    },
  );
});

describe('pages', () => {
  test.each([19, 20, 21, 40, 100])('%i instances on pages of 20 are whole', async (count) => {
    fill(count);
    const { instances, isFresh } = await list(lister(20));
    expect(instances.size).toBe(count);
    expect(isFresh).toBe(true);
  });

  test('an instance that is updated while it is listed is not lost', async () => {
    const rows = fill(100);
    let pages = 0;
    trove.beforePage = () => {
      // The one that would be on the third page moves to the first one, which has been read.
      if (++pages === 3) Object.assign(rows[50] ?? {}, { updated: 1000 });
    };
    const { instances, isFresh } = await list(lister(20));
    expect(instances.size).toBe(100);
    expect(isFresh).toBe(true);
  });

  test('an instance is not lost that moves when another one is deleted', async () => {
    const rows = fill(100);
    let pages = 0;
    trove.beforePage = () => {
      if (++pages === 3)
        rows.splice(
          rows.findIndex(({ id }) => id === instance(90)),
          1,
        );
    };
    const { instances } = await list(lister(20));
    for (let index = 1; index <= 100; index++)
      if (index !== 90) expect(instances.has(instance(index))).toBe(true);
  });

  test('instances that change all the time are a list that proves no deletion', async () => {
    const rows = fill(100);
    let now = 1000;
    trove.beforePage = () => {
      now++;
      for (const [index, row] of rows.entries()) if ((index * now) % 7 < 3) row.updated = now * 1000 + index;
    };
    const from = lister(20);
    const { isFresh, problem } = await list(from);
    expect(isFresh).toBe(false);
    expect(problem).toContain('changed');
    trove.beforePage = () => undefined;
    expect(await list(from)).toMatchObject({ isFresh: true });
  });

  test('a list that calls itself whole has every instance, whatever changes before a page', async () => {
    const change = fc.record({ page: fc.nat(12), row: fc.nat(59), isDeletion: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 6 }), async (changes) => {
        trove.rows.length = 0;
        fill(60);
        let pages = 0;
        const deleted = new Set<string>();
        trove.beforePage = () => {
          for (const { row, isDeletion } of changes.filter(({ page }) => page === pages)) {
            const id = instance(row + 1);
            const at = trove.rows.findIndex((each) => each.id === id);
            if (at === -1) continue;
            if (isDeletion) {
              trove.rows.splice(at, 1);
              deleted.add(id);
            } else Object.assign(trove.rows[at] ?? {}, { updated: 1000 + pages });
          }
          pages++;
        };
        const { instances, isFresh } = await list(lister(20));
        if (!isFresh) return;
        for (const { id } of trove.rows) expect(instances.has(id)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    { href: 'https://x/?marker=0' },
    { href: '/v1.0/p/mgmt/instances?marker=0' },
    { href: 'https://x/' },
    {},
  ])('a next page that does not advance, or that nothing is said of, is no end: %j', async (next) => {
    trove.trove = respond(200, JSON.stringify({ instances: [], links: [{ rel: 'next', ...next }] }));
    expect(await list(lister())).toMatchObject({ problem: "Trove's pages do not advance" });
  });
});

describe('a Trove that fails', () => {
  test.each([
    ['HTML', 200, '<html>Welcome</html>', "Trove's answer is not JSON"],
    ['other JSON', 200, '[]', "Trove's answer is not a list of instances"],
    ['401', 401, '{}', 'status 401: the application credential has no role of an admin'],
    ['403', 403, 'Nova', 'status 403: its policy forbids it, or Nova failed'],
    ['500', 500, '', 'status 500'],
    ['503', 503, '<html>Service Unavailable</html>', 'status 503'],
  ])('%s leaves the last list, with its age', async (_what, status, body, why) => {
    fill(3);
    const from = lister();
    const { instances } = await list(from);
    trove.trove = respond(status, body);
    const { problem, ...kept } = await list(from);
    expect(kept).toEqual({ instances, isFresh: false, ageMs: expect.any(Number) });
    expect(problem).toContain(why);
  });

  test('that was never listed is an empty list, of which nothing follows', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    expect(await list(lister(undefined, url))).toEqual({
      instances: new Map(),
      isFresh: false,
      problem: 'Keystone cannot be reached: ECONNREFUSED',
    });
  });

  test.each(['trove', 'keystone'] as const)('a silent %s ends with the time', async (service) => {
    trove[service] = () => undefined;
    expect(await list(lister(), 200)).toMatchObject({
      problem: expect.stringMatching(new RegExp(`^${service} did not answer in time$`, 'i')),
    });
  });

  test('a list on several pages has what was read when Trove fails on the way', async () => {
    fill(100);
    const from = lister(20);
    await list(from);
    let pages = 0;
    trove.beforePage = () => {
      if (++pages > 2) throw new Error('unreachable');
    };
    const { trove: answer } = trove;
    trove.trove = (request, response) =>
      ++pages > 2 ? respond(503, '')(request, response) : answer(request, response);
    expect(await list(from)).toMatchObject({ isFresh: false, problem: 'Trove answered with status 503' });
    expect((await list(from)).instances.size).toBe(100);
  });

  test('an answer that does not end is given up', async () => {
    let sent = 0;
    trove.trove = (_request, response) => {
      const chunk = Buffer.alloc(1 << 20, ' ');
      const more = () => {
        while (sent < 200e6 && !response.destroyed && response.write(chunk)) sent += chunk.length;
      };
      response.on('drain', more);
      more();
    };
    expect(await list(lister(), 20_000)).toMatchObject({ problem: 'Trove sent too long an answer' });
    expect(sent).toBeLessThan(100e6);
  });
});

describe('the application credential', () => {
  test('one token is used until Trove refuses it, and then one more', async () => {
    fill(1);
    const from = lister();
    await list(from);
    await list(from);
    expect(trove.tokens).toBe(1);
    const { trove: answer } = trove;
    trove.trove = (request, response) =>
      request.headers['x-auth-token'] === 'token-1'
        ? respond(401, '')(request, response)
        : answer(request, response);
    expect(await list(from)).toMatchObject({ isFresh: true });
    expect(trove.tokens).toBe(2);
  });

  test.each([
    [401, '{"error": {"code": 401}}', 'Keystone refused the application credential'],
    [201, '{}', "Keystone's answer (201) is not a token of a project"],
    [503, '<html>', "Keystone's answer (503) is not a token of a project"],
  ])('Keystone answers %d', async (status, body, problem) => {
    trove.keystone = respond(status, body);
    expect(await list(lister())).toMatchObject({ problem });
  });

  test('neither the secret nor a token is sent to where a redirect leads', async () => {
    await using other = await TroveStandIn.start();
    const redirect = (_request: IncomingMessage, response: ServerResponse) =>
      response.writeHead(307, { location: `${other.url}/v3/auth/tokens` }).end();
    for (const service of ['keystone', 'trove'] as const) {
      trove[service] = redirect;
      expect(await list(lister())).toMatchObject({ isFresh: false });
    }
    expect(other.tokens).toBe(0);
    expect(other.requests).toEqual([]);
  });

  test('no problem has the secret or a token in it', async () => {
    const log = jest.spyOn(console, 'error');
    trove.keystone = respond(400, SECRET);
    const { problem } = await list(lister());
    expect(problem).not.toContain(SECRET);
    expect(log).not.toHaveBeenCalled();
  });

  test('a file that is missing or malformed is the problem', async () => {
    const wrong = (path: string) => {
      const settings = {
        url: `${trove.url}/v1.0`,
        keystoneUrl: `${trove.url}/v3`,
        credential: { file: path },
        expectedSilenceMs: 1,
      };
      return list(troveLister(settings));
    };
    expect(await wrong(folder.file('none.json'))).toMatchObject({
      problem: 'TROVE_CREDENTIALS_FILE cannot be read: ENOENT',
    });
    await writeFile(folder.file('wrong.json'), '{"id": 1}');
    expect(await wrong(folder.file('wrong.json'))).toMatchObject({
      problem: 'The application credential is not {"id": "…", "secret": "…"}',
    });
  });
});
