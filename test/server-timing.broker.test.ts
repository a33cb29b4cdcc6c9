import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TemporaryFolder } from '../infra/local/parts/temporary-folder.ts';
import { AwsStandIn } from './setup/aws-stand-in.ts';
import { listenWithTls, makeCertificates } from './setup/certificates.ts';
import { DeafRelay } from './setup/deaf-relay.ts';
import { eventually } from './setup/eventually.ts';
import { type Answer, FunctionUnderTest } from './setup/function-under-test.ts';
import { KeystoneStandIn, refuse, vouchFor } from './setup/keystone-stand-in.ts';
import { GUEST_REASONS, ResponderFleet } from './setup/responder-fleet.ts';
import { TcpProxy } from './setup/tcp-proxy.ts';
import { SHARED_RABBIT, TestBroker } from './setup/test-broker.ts';

const DIAL = ['dns', 'tcp', 'amqp', 'setup'];

let broker: TestBroker;
let fleet: ResponderFleet;
let alive: string;

beforeAll(async () => {
  broker = await TestBroker.create();
  fleet = new ResponderFleet(await broker.channel());
  [alive = ''] = await fleet.add('reachable', 1);
});
afterAll(() => broker.delete());

interface Hop {
  readonly name: string;
  readonly ms: number;
  readonly failure?: string;
}

/** The hops of an answer, which has nothing else in its header. */
function hopsOf({ headers }: Pick<Answer, 'headers'>): Hop[] {
  const header = headers.get('server-timing') ?? '';
  expect(header.length).toBeLessThan(2048);
  return header.split(', ').map((metric) => {
    const [, name = '', ms, failure] = /^([a-z_]+);dur=(\d+\.\d)(?:;desc="([a-z_]+)")?$/.exec(metric) ?? [];
    expect([metric, name]).not.toEqual([metric, '']);
    return { name, ms: Number(ms), ...(failure && { failure }) };
  });
}

function namesOf(answer: Answer): string[] {
  return hopsOf(answer).map(({ name }) => name);
}

/** The last hop of an answer, which is the only one that has failed. */
function lastOf(answer: Answer): [string | undefined, string | undefined] {
  const hops = hopsOf(answer).filter(({ name }) => !name.startsWith('init_'));
  expect(hops.slice(0, -1).filter(({ failure }) => failure)).toEqual([]);
  return [hops.at(-1)?.name, hops.at(-1)?.failure];
}

async function pingTo(settings: Record<string, string>, id = alive): Promise<Answer> {
  await using under = await FunctionUnderTest.start({ RPC_TIMEOUT_SECONDS: '2', ...settings });
  return await under.ping(id, 'tenant', { 'x-auth-token': 'token' });
}

function initial(names: readonly string[]): string[] {
  return names.map((name) => `init_${name}`);
}

test("the first answer has init's hops, the next ones their own alone; so has the log", async () => {
  await using fn = await FunctionUnderTest.start({ BROKER_URL: broker.url });
  const first = namesOf(await fn.ping(alive));
  const dial = DIAL.filter((hop) => hop !== 'dns'); // the address is one
  expect(first.slice(0, 4)).toEqual(initial([...dial, 'rehearsal']));
  expect(first.slice(-3)).toEqual(['publish', 'confirm', 'rpc']);
  const again = await fn.ping(alive);
  expect(namesOf(again)).toEqual(['publish', 'rpc']);
  const { log } = await fn.telemetry(alive);
  expect(Object.keys(Object(log[0]?.['hops']))).toEqual(first);
  const { hops, round_trip_ms, stopped_at } = Object(log.at(-1));
  expect(hops).toEqual({ publish: expect.any(Number), rpc: round_trip_ms });
  expect(stopped_at).toBeUndefined();
});

test('a request that dials anew has the hops of that dial, and those of the connection that was lost', async () => {
  const path = await TcpProxy.to(broker.url);
  await using fn = await FunctionUnderTest.start({
    BROKER_URL: path.url(broker.url).replace('127.0.0.1', 'localhost'),
    RPC_TIMEOUT_SECONDS: '5',
  });
  await fn.ping(alive);
  path.swallow();
  path.heal(); // of new connections alone
  const hops = hopsOf(await fn.ping(alive)).map(({ name, failure }) =>
    failure ? `${name}: ${failure}` : name,
  );
  const lost = ['publish', expect.stringMatching(/^(?:confirm|rpc): unconfirmed$/)];
  expect(hops.slice(0, 7)).toEqual([...lost, ...DIAL, 'publish']);
  expect(hops.at(-1)).toBe('rpc');
  await path.close();
});

test('where the first login is refused and the next one is not, a ping is rehearsed with that one', async () => {
  const passwords = ['old', 'guest'];
  await using aws = await AwsStandIn.start(() => ({
    body: { SecretString: JSON.stringify({ username: 'guest', password: passwords.shift() }) },
  }));
  const { host, pathname } = new URL(broker.url);
  const login = { BROKER_SECRET_ID: 'broker', BROKER_VHOST: pathname.slice(1), ...aws.settings };
  const hops = hopsOf(await pingTo({ BROKER_ENDPOINT: `amqp://${host}`, ...login }));
  expect(hops.filter(({ name }) => name === 'init_amqp')).toHaveLength(2);
  expect(hops.find(({ name }) => name === 'init_rehearsal')?.ms).toBeLessThan(250);
});

describe('a slow hop is the one that is named', () => {
  const folder = new TemporaryFolder('slow-hops');
  let port: number;
  let path: TcpProxy;

  beforeAll(async () => {
    await makeCertificates(folder.path, 'good');
    port = await listenWithTls(SHARED_RABBIT, folder.path, 'good');
    path = await TcpProxy.to(`amqps://127.0.0.1:${port}`);
  });
  afterAll(async () => {
    await path.close();
    await folder.remove();
  });

  /** A byte with which TLS begins a record: of the handshake, or of what the handshake protects. */
  const [HANDSHAKE, PROTECTED] = [22, 23];
  const slowDns = `
    const dns = require('node:dns');
    const { lookup } = dns;
    dns.lookup = (...args) => void setTimeout(lookup, 200, ...args);`;

  test.each([
    ['dns', undefined],
    ['tcp', undefined],
    ['tls', HANDSHAKE],
    ['amqp', PROTECTED],
  ])('%s', async (slow, firstByte) => {
    await using relay = slow === 'tcp' ? await DeafRelay.to(`amqps://127.0.0.1:${port}`) : undefined;
    if (firstByte) path.delayOnce(200, (from, packet) => from === 'server' && packet[0] === firstByte);
    await writeFile(folder.file('slow-dns.cjs'), slowDns);
    const url = new URL(relay ? broker.url : path.url(broker.url));
    const through = relay?.port ?? url.port;
    const settings = {
      BROKER_URL: `amqps://guest:guest@localhost:${through}${url.pathname}`,
      NODE_EXTRA_CA_CERTS: folder.file('ca.pem'),
      ...(slow === 'dns' && { NODE_OPTIONS: `--require ${folder.file('slow-dns.cjs')}` }),
    };
    const startMs = performance.now();
    const [answer] = await Promise.all([pingTo(settings), relay?.wakeWhenDialled()]);
    const hops = hopsOf(answer);
    expect(hops.map(({ name }) => name)).toEqual(
      expect.arrayContaining(initial(['dns', 'tcp', 'tls', 'amqp'])),
    );
    const slowMs = hops.find(({ name }) => name === `init_${slow}`)?.ms ?? 0;
    const dialMs = hops.filter(({ name }) => name.startsWith('init_')).reduce((sum, { ms }) => sum + ms, 0);
    expect(slowMs).toBeGreaterThanOrEqual(195);
    expect(dialMs).toBeLessThan(performance.now() - startMs); // no time is counted twice
  });
});

describe('where a ping stopped', () => {
  let fn: FunctionUnderTest;

  beforeAll(async () => {
    fn = await FunctionUnderTest.start({ BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: '1' });
    await fn.ping(alive);
  });
  afterAll(() => fn.end());

  test.each(GUEST_REASONS)('at a guest: %s', async (reason) => {
    const [id = ''] = reason === 'queue_missing' ? [randomUUID()] : await fleet.add(reason, 1);
    const answer = await fn.ping(id);
    expect(answer.status).toBe(400);
    expect(lastOf(answer)).toEqual([reason === 'queue_missing' ? 'ask' : 'rpc', reason]);
    if (reason === 'no_consumer') expect(namesOf(answer)).toContain('ask');
    expect((await fn.telemetry(id)).log[0]).toMatchObject({ stopped_at: lastOf(answer)[0] });
  });

  test.each<[string, string, (url: string) => string]>([
    ['dns', 'dns_error', (url) => url.replace('127.0.0.1', 'broker.invalid')],
    ['tcp', 'connection_refused', () => 'amqp://127.0.0.1:1'],
    ['tls', 'tls_protocol_error', (url) => url.replace('amqp:', 'amqps:')],
    ['amqp', 'broker_refused', (url) => url.replace('guest:guest', 'guest:hunter2')],
    ['amqp', 'broker_refused', (url) => `${url}-missing`],
  ])('at the broker, %s: %s', async (name, failure, wrong) => {
    const answer = await pingTo({ BROKER_URL: wrong(broker.url) });
    expect([answer.status, lastOf(answer)]).toEqual([400, [name, failure]]);
    expect(namesOf(answer)).toContain(`init_${name}`);
    expect(namesOf(answer)).not.toContain('init_rehearsal');
  });

  test('at a guest that has another key, though the key was looked up again', async () => {
    const [id = ''] = await fleet.add('key_mismatch', 1);
    const folder = new TemporaryFolder('keys');
    await writeFile(folder.file('keys.json'), JSON.stringify({ [id]: 'key' }));
    const answer = await pingTo({ BROKER_URL: broker.url, GUEST_KEYS_FILE: folder.file('keys.json') }, id);
    expect(lastOf(answer)).toEqual(['rpc', 'key_mismatch']);
    expect(namesOf(answer).filter((name) => name === 'key')).toHaveLength(2);
    await folder.remove();
  });

  test('at an exchange that is missing', async () => {
    const answer = await pingTo({ BROKER_URL: broker.url, CONTROL_EXCHANGE: 'astray' });
    expect(lastOf(answer)).toEqual(['publish', 'exchange_missing']);
  });

  test('at a broker of which Amazon MQ knows the state, with the login of a secret', async () => {
    await using aws = await AwsStandIn.start(({ path }) => ({
      body: path.startsWith('/v1/brokers')
        ? { brokerState: 'REBOOT_IN_PROGRESS' }
        : { SecretString: '{"username": "guest", "password": "guest"}' },
    }));
    const { host, pathname } = new URL(broker.url);
    const login = { BROKER_SECRET_ID: 'broker', BROKER_VHOST: pathname.slice(1), ...aws.settings };
    const reached = hopsOf(await pingTo({ BROKER_ENDPOINT: `amqp://${host}`, ...login }));
    expect(reached[0]).toEqual({ name: 'init_secret', ms: expect.any(Number) });
    expect(reached.at(-1)).toEqual({ name: 'rpc', ms: expect.any(Number) });
    const lost = await pingTo({ BROKER_ENDPOINT: 'amqp://127.0.0.1:1', BROKER_ID: 'b-1', ...login });
    expect(namesOf(lost).slice(-2)).toEqual(['describe_broker', 'tcp']);
    expect(lastOf(lost)).toEqual(['tcp', 'connection_refused']);
  });

  test("at the secret with the broker's login, and at a guest's key: 500", async () => {
    await using aws = await AwsStandIn.start(() => ({
      status: 400,
      body: { __type: 'AccessDeniedException' },
    }));
    const login = { BROKER_ENDPOINT: 'amqps://127.0.0.1:1', BROKER_SECRET_ID: 'broker', ...aws.settings };
    const [noLogin, noKey] = [
      await pingTo(login),
      await pingTo({ BROKER_URL: broker.url, GUEST_KEY_SECRET_PREFIX: 'key/', ...aws.settings }),
    ];
    expect([noLogin.status, lastOf(noLogin)]).toEqual([500, ['secret', 'secret_unavailable']]);
    expect([noKey.status, lastOf(noKey)]).toEqual([500, ['key', 'secret_unavailable']]);
  });

  test('in an invocation that was frozen until its end: 500', async () => {
    await using frozen = await FunctionUnderTest.start({ BROKER_URL: broker.url });
    const [silent = ''] = await fleet.add('no_reply', 1);
    await frozen.ping(alive);
    fleet.onRequest = (id) => void (id === silent && process.kill(frozen.lambda.pid, 'SIGSTOP'));
    const [startMs, answer] = [performance.now(), frozen.invoke(silent, 1000)];
    await eventually(
      async () => performance.now() - startMs,
      (elapsedMs) => elapsedMs > 780, // of 1000; from 750 on it is answered as one that ran out of time
    );
    process.kill(frozen.lambda.pid, 'SIGCONT');
    const { statusCode, headers } = Object(await answer);
    expect(statusCode).toBe(500);
    expect(headers['Server-Timing']).toMatch(/(^|, )rpc;dur=\d+\.\d;desc="[a-z_]+"$/);
  });
});

describe('with Keystone', () => {
  test.each<[number, string | undefined, Parameters<typeof KeystoneStandIn.start>[0]]>([
    [204, undefined, vouchFor()],
    [401, 'token_unknown', refuse()],
    [401, undefined, vouchFor({ role: 'member' })],
    [403, undefined, vouchFor({ project: 'another' })],
    [503, 'keystone_unavailable', (_request, response) => response.writeHead(500).end()],
  ])('%d: Keystone is a hop, failed: %s', async (status, failure, handle) => {
    await using keystone = await KeystoneStandIn.start(handle);
    await using fn = await FunctionUnderTest.start({ BROKER_URL: broker.url, KEYSTONE_URL: keystone.url });
    const answer = await fn.ping(alive, 'tenant', { 'x-auth-token': 'token' });
    expect(answer.status).toBe(status);
    const hop = hopsOf(answer).find(({ name }) => name === 'keystone');
    expect([hop?.name, hop?.failure]).toEqual(['keystone', failure]);
    if (status === 204)
      expect(namesOf(await fn.ping(alive, 'tenant', { 'x-auth-token': 'token' }))).not.toContain('keystone');
  });
});

describe('the request id', () => {
  test.each<[number, string, Record<string, string>, Parameters<typeof KeystoneStandIn.start>[0]]>([
    [401, '', {}, vouchFor()],
    [401, 'token', {}, refuse()],
    [403, 'token', {}, vouchFor({ project: 'another' })],
    [404, 'token', {}, undefined],
    [500, 'token', { BROKER_URL: '' }, undefined],
    [503, 'token', {}, (_request, response) => response.writeHead(500).end()],
  ])('of an answer %d is that of its log line', async (status, token, settings, handle) => {
    await using keystone = await KeystoneStandIn.start(handle);
    const named = handle ? { KEYSTONE_URL: keystone.url } : {};
    await using fn = await FunctionUnderTest.start({ BROKER_URL: broker.url, ...named, ...settings });
    const answer = await fn.ping(status === 404 ? 'my-database' : alive, 'tenant', { 'x-auth-token': token });
    expect(answer.status).toBe(status);
    const id = answer.headers.get('x-openstack-request-id');
    expect(id).toMatch(/^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const output = await eventually(
      async () => fn.output,
      (text) => text.includes(`"request_id":"${id}"`),
    );
    expect(output).toContain(`"request_id":"${id}"`);
  });
});
