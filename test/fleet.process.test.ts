import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { FleetState } from '../functions/changes/fleet-state.ts';
import { bundle } from '../infra/bundle/bundle.ts';
import { Gateway } from '../infra/local/parts/gateway.ts';
import { LambdaProcess, type LocalFunction } from '../infra/local/parts/lambda-process.ts';
import { described, instance, stateOf, unreachable } from './page/states.ts';
import { eventually } from './setup/eventually.ts';
import type { Answer } from './setup/function-under-test.ts';
import { KeystoneStandIn, refuse, vouchFor } from './setup/keystone-stand-in.ts';
import { DOCUMENT, problems, resolved } from './setup/openapi.ts';
import { gatewayOptions } from './setup/payload.ts';
import { peakMemoryMb } from './setup/peak-memory.ts';
import { S3StandIn, s3Error } from './setup/s3-stand-in.ts';

// The bundled function that answers /fleet, with a stand-in for S3, behind the gateway.

const STATE = { FLEET_STATE_URL: 's3://fleet/fleet-state.json', HEALTH_CHECK_RATE_MINUTES: '5' };
const OPEN_METRICS = 'application/openmetrics-text';

let local: LocalFunction;
let s3: S3StandIn;
let stack: AsyncDisposableStack;
let lambda: LambdaProcess;
const log: string[] = [];

beforeAll(async () => {
  local = { name: 'fleet', bundlePath: await bundle('fleet'), timeoutMs: 10_000, memoryMb: 512 };
  s3 = await S3StandIn.start();
});
afterAll(() => s3.aws.close());
beforeEach(() => {
  stack = new AsyncDisposableStack();
  s3.objects.clear();
  s3.before = () => undefined;
  s3.aws.requests.length = 0;
  log.length = 0;
});
afterEach(() => stack.disposeAsync());

/** Requests of a new function. */
async function start(settings: Record<string, string> = {}) {
  const all = { ...s3.aws.settings, ...STATE, ...settings };
  lambda = await LambdaProcess.start(local, all, (line) => log.push(line));
  stack.adopt(lambda, (started) => started.end());
  const nobody = async () => ({ statusCode: 404 });
  const invoke = lambda.invoke.bind(lambda);
  const gateway = await Gateway.listen(nobody, { fleet: (event) => invoke(event), ...gatewayOptions() });
  stack.defer(() => gateway.close());
  return async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(gateway.url + path, {
      headers: { 'accept-encoding': 'identity', ...headers },
    });
    const { status, headers: answered } = response;
    return conforming(path, { status, headers: answered, body: await response.text() });
  };
}

/** The answer, which conforms to the OpenAPI document. */
function conforming(path: string, answer: Answer): Answer {
  const [pathname = ''] = path.split('?');
  const route = DOCUMENT.paths[pathname] ? pathname : '/fleet/{instance_id}';
  const { content, headers = {} } = resolved(DOCUMENT.paths[route].get.responses[answer.status]);
  for (const [name, reference] of Object.entries<Record<string, unknown>>(headers)) {
    const { schema, required } = resolved<Record<string, unknown>>(reference);
    const value = answer.headers.get(name);
    expect([name, value === null ? (required ?? false) : problems(Object(schema), value)]).toEqual([
      name,
      value === null ? false : [],
    ]);
  }
  const [type = 'none'] = answer.headers.get('content-type')?.split(';') ?? [];
  const json = type === 'application/json' ? problems(content[type].schema, JSON.parse(answer.body)) : [];
  expect([answer.status, json]).toEqual([answer.status, []]);
  expect(Object.keys(content ?? { none: '' })).toContain(type);
  return answer;
}

/** The log's lines about requests, of which the last may come later than the answer. */
function logged(count: number): Promise<Record<string, unknown>[]> {
  return eventually(
    async () => log.map((line) => JSON.parse(line)),
    ({ length }) => length >= count,
  );
}

function save(state: FleetState): void {
  s3.objects.set('/fleet/fleet-state.json', JSON.stringify(state));
}

/** One guest that answers, and one that does not. */
function fleet(minutesAgo = 0): FleetState {
  const at = new Date(Date.now() - minutesAgo * 60_000).toISOString();
  const down = unreachable('no_consumer', 0, { since: at, ...described('wiki', 'compute-2') });
  return {
    ...stateOf({ [instance(2)]: down }, 1, { at }),
    answered: { [instance(1)]: { round_trip_ms: 1.9 } },
  };
}

describe('formats', () => {
  test('JSON by default, metrics for who accepts them', async () => {
    save(fleet());
    const get = await start();
    const json = await get('/fleet');
    expect(json.headers.get('content-type')).toBe('application/json; charset=UTF-8');
    expect(JSON.parse(json.body)).toMatchObject({
      stale: false,
      guests: [
        { instance_id: instance(1), reachable: true, round_trip_ms: 1.9 },
        { instance_id: instance(2), reachable: false, reason: 'no_consumer', name: 'wiki' },
      ],
    });
    const text = await get('/fleet', { accept: 'text/plain' });
    expect(text.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text.body).toContain(`\nrpc_ping_reachable{instance_id="${instance(1)}"} 1\n`);
    const openMetrics = await get('/fleet', { accept: OPEN_METRICS });
    expect(openMetrics.headers.get('content-type')).toBe(`${OPEN_METRICS}; version=1.0.0; charset=utf-8`);
    expect(openMetrics.body).toMatch(/\n# EOF\n$/);
    expect(openMetrics.headers.get('x-openstack-request-id')).toMatch(/^req-/);
    expect(openMetrics.headers.get('vary')).toBe('Accept, Accept-Encoding');
  });

  test('one guest, pages, targets', async () => {
    save(fleet());
    const get = await start();
    const idsIn = ({ body }: { body: string }) =>
      JSON.parse(body).guests.map(({ instance_id: id }: { instance_id: string }) => id);
    expect(idsIn(await get(`/fleet/${instance(2)}`))).toEqual([instance(2)]);
    expect((await get(`/fleet/${instance(3)}`)).status).toBe(404);
    expect((await get('/fleet/x')).status).toBe(404);
    expect((await get('/fleet?limit=0')).status).toBe(400);
    const first = await get('/fleet?limit=1');
    expect([idsIn(first), first.headers.get('link')]).toEqual([
      [instance(1)],
      `<?limit=1&marker=${instance(1)}>; rel="next"`,
    ]);
    const second = await get(`/fleet?limit=1&marker=${instance(1)}`);
    expect([idsIn(second), second.headers.get('link')]).toEqual([[instance(2)], null]);
    expect(idsIn(await get(`/fleet?marker=${instance(2)}`))).toEqual([]);
    const [, target] = JSON.parse((await get('/fleet/targets', { accept: 'text/plain' })).body);
    expect(target.targets).toEqual([
      expect.stringMatching(
        `^http://127.0.0.1:\\d+/v1.0/5f2b0c1e9a3d4e7f8a6b1c2d3e4f5a6b/mgmt/instances/${instance(2)}/rpc_ping$`,
      ),
    ]);
  });

  test('gzip', async () => {
    save(fleet());
    const get = await start();
    const plain = await get('/fleet', { accept: 'text/plain' });
    expect(plain.headers.get('content-encoding')).toBeNull();
    const compressed = await get('/fleet', { accept: 'text/plain', 'accept-encoding': 'gzip' });
    expect(compressed.headers.get('content-encoding')).toBe('gzip');
    expect(compressed.body).toBe(plain.body);
  });
});

describe('what has not changed', () => {
  test('304 for the same content, in the same format, until a sweep has ended', async () => {
    save(fleet());
    const get = await start();
    const { headers, body } = await get('/fleet');
    const etag = headers.get('etag') ?? '';
    expect(etag).toMatch(/^W\/"/);
    expect((await get('/fleet')).body).toBe(body);
    const again = await get('/fleet', { 'if-none-match': `"other", ${etag}`, 'accept-encoding': 'gzip' });
    expect([again.status, again.body, again.headers.get('etag')]).toEqual([304, '', etag]);
    for (const held of ['*', etag.slice(2), `${etag}, "other"`])
      expect([held, (await get('/fleet', { 'if-none-match': held })).status]).toEqual([held, 304]);
    expect((await get('/fleet', { 'if-none-match': etag, accept: 'text/plain' })).status).toBe(200);
    expect((await get('/fleet?limit=1', { 'if-none-match': etag })).status).toBe(200);
    save(fleet(1));
    expect((await get('/fleet', { 'if-none-match': etag })).status).toBe(200);
  });
});

describe('what is not known', () => {
  test.each<[what: string, state: FleetState | string | undefined, message: RegExp]>([
    ['nothing was saved', undefined, /No sweep has been saved yet/],
    ['the last sweep is too old', fleet(31), /The last sweep ended at .*, more than 30 min ago/],
    ['the state is damaged', '{"version":2', /The saved state is damaged/],
    ['a newer version has written the state', '{"version":3}', /The saved state is of a newer release/],
  ])('503 where %s', async (_what, state, message) => {
    if (typeof state === 'string') s3.objects.set('/fleet/fleet-state.json', state);
    else if (state) save(state);
    const get = await start();
    for (const path of ['/fleet', `/fleet/${instance(1)}`, '/fleet/targets']) {
      const answer = await get(path, { accept: 'text/plain' });
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '60']);
      const { serviceUnavailable } = JSON.parse(answer.body);
      expect(serviceUnavailable).toEqual({ message: expect.stringMatching(message), code: 503 });
    }
    expect(await logged(3)).toMatchObject([{ level: 'ERROR', service: 'fleet', path: '/fleet' }, {}, {}]);
  });

  test('503 where S3 refuses, and 200 as soon as it does not', async () => {
    s3.before = () => s3Error(403, 'AccessDenied');
    const get = await start();
    expect(await get('/fleet')).toMatchObject({ status: 503, body: expect.stringContaining('AccessDenied') });
    expect(await logged(1)).toMatchObject([{ error: { exception: 'AccessDenied' } }]);
    s3.before = () => undefined;
    save(fleet());
    expect((await get('/fleet')).status).toBe(200);
  });

  test('a state that is stale says so, and one whose broker has been away for long has no guests', async () => {
    const get = await start();
    save(fleet(12));
    expect((await get('/fleet', { accept: 'text/plain' })).body).toContain('\nrpc_ping_state_stale 1\n');
    const { sweep, ...rest } = fleet();
    save({ ...rest, sweep: { ...sweep, broker_reachable: false } });
    expect(JSON.parse((await get('/fleet')).body).guests).toBeNull();
    const { body } = await get('/fleet', { accept: 'text/plain' });
    expect(body).toContain('\nrpc_ping_broker_reachable 0\n');
    expect(body).not.toContain('\nrpc_ping_reachable{');
    for (const path of ['/fleet/targets', `/fleet/${instance(1)}`])
      expect((await get(path)).status).toBe(503);
  });

  test('wrong settings are 500', async () => {
    const get = await start({ FLEET_STATE_URL: '' });
    expect(await get('/fleet')).toMatchObject({
      status: 500,
      body: expect.stringContaining('FLEET_STATE_URL is not set'),
    });
  });
});

describe('with Keystone', () => {
  const token = { 'x-auth-token': 'gAAAAA' };

  test('an admin of any project is let in, by a header or as the bearer of the token', async () => {
    await using keystone = await KeystoneStandIn.start(vouchFor({ project: 'p1' }));
    save(fleet());
    const get = await start({ KEYSTONE_URL: keystone.url });
    expect((await get('/fleet', token)).status).toBe(200);
    expect((await get('/fleet', { authorization: 'Bearer gAAAAA' })).status).toBe(200);
    expect(keystone.asked).toEqual(['gAAAAA']); // and kept
    const [target] = JSON.parse((await get('/fleet/targets', token)).body);
    expect(target.targets[0]).toContain('/v1.0/p1/mgmt/');
    expect(await logged(3)).toMatchObject([
      { outcome: 'ok', project_name: 'Tenant', user_name: 'boss' },
      {},
      {},
    ]);
    expect(log.join()).not.toContain('gAAAAA');
  });

  test.each<
    [what: string, status: number, handle: Parameters<typeof KeystoneStandIn.start>[0], headers: object]
  >([
    ['no token', 401, vouchFor(), {}],
    ['no bearer', 401, vouchFor(), { authorization: 'Basic gAAAAA' }],
    ['an unknown token', 401, refuse(), token],
    ['no admin', 401, vouchFor({ role: 'member' }), token],
    ['a token without a project', 403, vouchFor({ project: null }), token],
    ['a Keystone that fails', 503, (_request, response) => response.writeHead(500).end(), token],
  ])('%s is %d, and the state is not read', async (_what, status, handle, headers) => {
    await using keystone = await KeystoneStandIn.start(handle);
    save(fleet());
    const get = await start({ KEYSTONE_URL: keystone.url });
    for (const path of ['/fleet', '/fleet/targets', `/fleet/${instance(1)}`])
      expect((await get(path, { ...headers })).status).toBe(status);
    expect(s3.requests).toEqual([]);
    expect(await logged(3)).toMatchObject(Array(3).fill({ message: 'fleet', outcome: 'refused' }));
  });
});

describe('40,000 guests', () => {
  const ids = Array.from({ length: 40_000 }, () => crypto.randomUUID());
  const project = () => crypto.randomUUID().replaceAll('-', '');

  test('in one scrape if compressed, else a clear answer; the memory stays', async () => {
    const answered = Object.fromEntries(
      ids.map((id, n) => [
        id,
        {
          round_trip_ms: 1 + (n % 7919) / 1000,
          name: `mysql-production-${n}`,
          project_id: project(),
          hypervisor: `compute-${n % 997}.example`,
        },
      ]),
    );
    const saveAnew = () => save({ ...stateOf({}, ids.length, { at: new Date().toISOString() }), answered });
    saveAnew();
    const get = await start();
    const scrape = await get('/fleet', { accept: OPEN_METRICS, 'accept-encoding': 'gzip' });
    expect(scrape.status).toBe(200);
    expect(scrape.body.match(/^rpc_ping_reachable\{/gm)).toHaveLength(40_000);
    expect(scrape.body.match(/^rpc_ping_round_trip_seconds\{/gm)).toHaveLength(40_000);
    const plain = await get('/fleet', { accept: OPEN_METRICS });
    expect(plain).toMatchObject({
      status: 400,
      body: expect.stringContaining('accept gzip, or ask for pages'),
    });
    expect((await get('/fleet?limit=10000', { accept: OPEN_METRICS })).status).toBe(200);
    const before = await lambda.heapUsed();
    for (const _ of [1, 2, 3]) {
      saveAnew();
      expect((await get('/fleet', { accept: OPEN_METRICS, 'accept-encoding': 'gzip' })).status).toBe(200);
    }
    expect((await lambda.heapUsed()) - before).toBeLessThan(8 * 1024 * 1024);
    expect(peakMemoryMb(lambda.pid)).toBeLessThan(512);
  });
});
