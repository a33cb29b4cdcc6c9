import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../setup/eventually.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { GRANTED } from '../setup/granted.ts';
import { respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';

let broker: TestBroker;
let alive: string;
let fn: FunctionUnderTest | undefined;

beforeAll(async () => {
  broker = await TestBroker.create();
  alive = randomUUID();
  await respond(await broker.channel(), alive, ({ reply }) => reply());
});
afterAll(() => broker.delete());
afterEach(async () => {
  await fn?.end();
  fn = undefined;
});

async function start(BROKER_URL: string): Promise<FunctionUnderTest> {
  fn = await FunctionUnderTest.start({ BROKER_URL, RPC_TIMEOUT_SECONDS: '10' });
  return fn;
}

/** @param said RabbitMQ's own words, which the log has and the caller does not */
async function expectRefusal(of: string, said: string): Promise<void> {
  const { status, headers, body } = await pinged().ping(alive);
  expect([status, body]).toEqual([400, expect.stringContaining(`guest: The broker refused ${of}`)]);
  expect(headers.get('proxy-status')).toContain('details="broker_refused"');
  expect(body).not.toContain(said);
  const { log } = await pinged().telemetry(alive);
  expect(log.at(-1)).toMatchObject({ reason: 'broker_refused', broker_said: expect.stringContaining(said) });
  expect(pinged().output).not.toContain(':pw@');
}

function pinged(): FunctionUnderTest {
  if (fn === undefined) throw new Error('No function runs');
  return fn;
}

describe('refusals', () => {
  test('a user without the configure permission is broker_refused', async () => {
    await start(await broker.user({ ...GRANTED, configure: '^$' }));
    await expectRefusal('a permission that the ping needs', 'access to queue');
  });

  test('a user without the read permission is broker_refused', async () => {
    await start(await broker.user({ ...GRANTED, read: '^$' }));
    await expectRefusal('a permission that the ping needs', '403 ACCESS_REFUSED');
  });

  test('a user without the write permission is broker_refused, at each ping', async () => {
    await start(await broker.user({ ...GRANTED, write: '^$' }));
    await expectRefusal('to take the ping', '403 ACCESS_REFUSED');
    await expectRefusal('to take the ping', '403 ACCESS_REFUSED');
  });

  test('a user without any permission on the virtual host is broker_refused', async () => {
    const url = await broker.user(GRANTED);
    await broker.request('DELETE', `permissions/${broker.vhost}/${new URL(url).username}`);
    await start(url);
    await expectRefusal(
      'the virtual host, on which the user has no permissions',
      'NOT_ALLOWED - access to vhost',
    );
  });

  test('a missing virtual host is broker_refused', async () => {
    await start(`${broker.url}-missing`);
    await expectRefusal('the virtual host, which does not exist', `vhost ${broker.vhost}-missing not found`);
  });

  test('a wrong password is broker_refused, until the broker accepts it', async () => {
    const url = await broker.user(GRANTED);
    const { username } = new URL(url);
    await start(url.replace(':pw@', ':other@'));
    await expectRefusal('the user name or password', '403 ACCESS_REFUSED - Login was refused');
    await broker.request('PUT', `users/${username}`, { password: 'other', tags: '' });
    expect(await pinged().ping(alive)).toMatchObject({ status: 204 });
  });
});

test('a login that is too long for RabbitMQ is named, since RabbitMQ says nothing', async () => {
  await start(broker.url.replace('guest:guest', `guest:${'x'.repeat(9000)}`));
  const { status, headers, body } = await pinged().ping(alive);
  expect([status, body]).toEqual([400, expect.stringContaining('without an answer to the login')]);
  expect(headers.get('proxy-status')).toContain('details="broker_unreachable"');
});

describe('limits', () => {
  let crowded: TestBroker;
  let url: string;
  let limits: string;

  beforeEach(async () => {
    crowded = await TestBroker.create();
    await respond(await crowded.channel(), alive, ({ reply }) => reply());
    url = await crowded.user(GRANTED);
    limits = `user-limits/${new URL(url).username}`;
  });
  afterEach(() => crowded.delete());

  test('of a virtual host on connections is broker_refused, until there is room', async () => {
    const limit = `vhost-limits/${crowded.vhost}/max-connections`;
    await crowded.request('PUT', limit, { value: 1 });
    await start(url);
    await expectRefusal(
      'one more connection: a limit of the virtual host',
      'connection limit (1) is reached',
    );
    await crowded.request('DELETE', limit);
    expect(await pinged().ping(alive)).toMatchObject({ status: 204 });
  });

  test('of a user on connections is broker_refused', async () => {
    await crowded.request('PUT', `${limits}/max-connections`, { value: 0 });
    await start(url);
    await expectRefusal('one more connection: a limit of the user', 'user connection limit (0) is reached');
  });

  test('of a user on channels is broker_refused', async () => {
    await crowded.request('PUT', `${limits}/max-channels`, { value: 0 });
    await start(url);
    await expectRefusal('one more channel: a limit of the user', 'number of channels opened for user');
  });

  test('of a virtual host on queues is broker_refused', async () => {
    await crowded.request('PUT', `vhost-limits/${crowded.vhost}/max-queues`, { value: 1 });
    await start(url);
    await expectRefusal('one more queue: a limit of the virtual host', '406 PRECONDITION_FAILED');
  });
});

test.each([
  ['exactly the permissions that the manual grants', GRANTED],
  ['write permission on the control exchange alone', { ...GRANTED, write: '^trove$' }],
])('a guest is reached with %s', async (_what, permissions) => {
  await start(await broker.user(permissions));
  expect(await fn?.ping(alive)).toMatchObject({ status: 204 });
});

describe('an operator', () => {
  test('a guest is reached on a new connection after an operator has closed the old one', async () => {
    const url = await broker.user(GRANTED);
    const under = await start(url);
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    await closeConnectionsOf(url);
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
  });

  test('a guest is reached on a new connection when an operator closes the old one during the ping', async () => {
    const url = await broker.user(GRANTED);
    const id = randomUUID();
    let closing: Promise<void> | undefined;
    let isClosed = false;
    await respond(await broker.channel(), id, ({ reply }) => {
      closing ??= closeConnectionsOf(url).then(() => {
        isClosed = true;
      });
      if (isClosed) reply();
    });
    const under = await start(url);
    expect(await under.ping(id)).toMatchObject({ status: 204 });
    await closing;
  });
});

async function closeConnectionsOf(url: string): Promise<void> {
  const { username } = new URL(url);
  const ofUser = ({ user }: { user?: string }) => user === username;
  const list = () => broker.list('connections') as Promise<{ name: string; user?: string }[]>;
  const connections = await eventually(list, (all) => all.some(ofUser));
  for (const { name } of connections.filter(ofUser)) {
    await broker.request('DELETE', `connections/${encodeURIComponent(name)}`);
  }
}
