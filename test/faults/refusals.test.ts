import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
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

async function expectRefusal(of: string): Promise<void> {
  const { status, body } = (await fn?.ping(alive)) ?? {};
  expect([status, body]).toEqual([400, expect.stringContaining(`guest: The broker refused ${of}`)]);
}

describe('refusals', () => {
  test('a user without the configure permission is broker_refused', async () => {
    await start(await broker.user({ ...GRANTED, configure: '^$' }));
    await expectRefusal('a permission that the ping needs');
  });

  test('a user without the read permission is broker_refused', async () => {
    await start(await broker.user({ ...GRANTED, read: '^$' }));
    await expectRefusal('a permission that the ping needs');
  });

  test('a user without the write permission is broker_refused, at each ping', async () => {
    await start(await broker.user({ ...GRANTED, write: '^$' }));
    await expectRefusal('to take the ping');
    await expectRefusal('to take the ping');
  });

  test('a user without any permission on the virtual host is broker_refused', async () => {
    const url = await broker.user(GRANTED);
    await broker.request('DELETE', `permissions/${broker.vhost}/${new URL(url).username}`);
    await start(url);
    await expectRefusal('the virtual host, or one connection more');
  });

  test('a missing virtual host is broker_refused', async () => {
    await start(`${broker.url}-missing`);
    await expectRefusal('the virtual host, or one connection more');
  });

  test('a wrong password is broker_refused, until the broker accepts it', async () => {
    const url = await broker.user(GRANTED);
    const { username } = new URL(url);
    await start(url.replace(':pw@', ':other@'));
    await expectRefusal('the user name or password');
    await broker.request('PUT', `users/${username}`, { password: 'other', tags: '' });
    expect(await fn?.ping(alive)).toMatchObject({ status: 204 });
  });

  test('a connection beyond the virtual host’s limit is broker_refused, until there is room', async () => {
    const crowded = await TestBroker.create();
    await respond(await crowded.channel(), alive, ({ reply }) => reply());
    await crowded.request('PUT', `vhost-limits/${crowded.vhost}/max-connections`, { value: 1 });
    await start(crowded.url);
    await expectRefusal('the virtual host, or one connection more');
    await crowded.request('DELETE', `vhost-limits/${crowded.vhost}/max-connections`);
    expect(await fn?.ping(alive)).toMatchObject({ status: 204 });
    await fn?.end();
    await crowded.delete();
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
