import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { ResponderFleet } from '../setup/responder-fleet.ts';
import { TcpProxy } from '../setup/tcp-proxy.ts';
import { TestBroker } from '../setup/test-broker.ts';

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

async function start(settings: Record<string, string>): Promise<HealthCheckUnderTest> {
  return stack.use(await HealthCheckUnderTest.start({ RPC_TIMEOUT_SECONDS: '3', ...settings }));
}

describe('a faulty management API', () => {
  let broker: TestBroker;
  let alive: string[];
  const list = { checked: 20, reachable: 20, unknown: 0, guests_from: 'bindings' };

  beforeAll(async () => {
    broker = await TestBroker.create();
    alive = await new ResponderFleet(await broker.channel()).add('reachable', 20);
  });
  afterAll(() => broker.delete());

  /** Starts a server that gives every request this answer, or those for bindings alone. @returns its URL */
  function answering(status: number, body: string, ofQueues = body): Promise<string> {
    return serving(({ url = '' }, response) => {
      if (url.includes('/bindings/')) response.writeHead(status).end(body);
      else response.writeHead(ofQueues === body ? status : 200).end(ofQueues);
    });
  }

  async function serving(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    stack.defer(() => void server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  test.each([
    ['answers with a page of HTML', 200, '<html>', 'not a list'],
    ['answers with JSON of another kind', 200, '{"items": 3}', 'not a list'],
    ['answers with an error', 503, '{}', 'status 503'],
    ['refuses the user', 401, '{"error":"not_authorised"}', 'tag `management`'],
    ['answers with a list that breaks off', 200, '[{"routing_key":"guestagent.', 'not a list'],
    [
      'answers without end',
      200,
      `[${`{"routing_key":"${'x'.repeat(1000)}"},`.repeat(2 ** 17)}`,
      'sent too long an answer',
    ],
  ])(
    'a management API that %s before any list was read is fleet_unknown, with the broker reachable',
    async (...row) => {
      const [, status, body, words] = row;
      const check = await start({
        BROKER_URL: broker.url,
        BROKER_MANAGEMENT_URL: await answering(status, body),
      });
      const { summary, metrics } = await check.sweep();
      expect(summary).toMatchObject({
        checked: 0,
        broker_reachable: true,
        error: { code: 'fleet_unknown', message: expect.stringContaining(words) },
      });
      expect(metrics).toContainEqual(
        expect.objectContaining({ BrokerReachable: 1, SweepComplete: 0, GuestsChecked: 0 }),
      );
      expect(JSON.stringify(metrics)).not.toContain('GuestsUnreachable'); // no guest was checked
    },
  );

  test.each([
    ['refuses to show the bindings', 403, '{"error":"not_authorised"}', 'refused the user'],
    ['has lost the bindings', 404, '{"error":"not_found"}', 'status 404'],
    ['answers the bindings in HTML', 200, '<html>', 'not a list'],
  ])(
    'a sweep whose management API %s takes the guests that have a queue, and reports that',
    async (...row) => {
      const [, status, body, words] = row;
      const queues = JSON.stringify(
        ['reply_1', ...alive.map((id) => `guestagent.${id}`)].map((name) => ({ name })),
      );
      const url = await answering(status, body, queues);
      const check = await start({ BROKER_URL: broker.url, BROKER_MANAGEMENT_URL: url });
      const { summary } = await check.sweep();
      expect(summary).toMatchObject({
        ...list,
        guests_from: 'queues',
        list_problem: expect.stringContaining(words),
      });
      expect(summary).not.toHaveProperty('error');
    },
  );

  test('a user with a colon in its name, whom HTTP Basic cannot name, is told as such', async () => {
    const name = encodeURIComponent(`a:${broker.vhost}`);
    await broker.request('PUT', `users/${name}`, { password: 'pw', tags: 'management' });
    stack.defer(() => void broker.request('DELETE', `users/${name}`));
    await broker.permit(name, { configure: '.*', write: '.*', read: '.*' });
    const url = broker.url.replace('guest:guest', `${name}:pw`);
    const check = await start({ BROKER_URL: url, BROKER_MANAGEMENT_URL: broker.managementUrl });
    const { summary } = await check.sweep();
    const error = { code: 'fleet_unknown', message: expect.stringContaining('no user with a colon') };
    expect(summary).toMatchObject({ broker_reachable: true, error });
  });

  test.each(['/api', '/api/', '/'])('a management URL that ends in %s is the same', async (end) => {
    const url = broker.managementUrl + end;
    const check = await start({ BROKER_URL: broker.url, BROKER_MANAGEMENT_URL: url });
    expect((await check.sweep()).summary).toMatchObject(list);
  });

  test('a sweep whose control exchange is missing takes the guests that have a queue, and is exchange_missing', async () => {
    const check = await start({
      BROKER_URL: broker.url,
      BROKER_MANAGEMENT_URL: broker.managementUrl,
      CONTROL_EXCHANGE: 'astray',
    });
    const { summary } = await check.sweep();
    expect(summary).toMatchObject({
      checked: 0,
      unknown: 20,
      guests_from: 'queues',
      error: { code: 'exchange_missing' },
    });
    expect(summary).not.toHaveProperty('list_problem');
  });

  test.each([
    ['did not answer in time', (proxy: TcpProxy) => proxy.swallow()],
    ['cannot be reached', (proxy: TcpProxy) => proxy.close()],
  ])('a sweep whose management API %s takes the last list, and reports that', async (how, fail) => {
    const proxy = await TcpProxy.to(broker.managementUrl);
    const check = await start({
      BROKER_URL: broker.url,
      BROKER_MANAGEMENT_URL: proxy.url(broker.managementUrl).replace(/\/$/, ''),
    });
    expect((await check.sweep()).summary).toMatchObject(list);
    const closed = fail(proxy);
    proxy.cut();
    await closed;
    expect((await check.sweep({}, 4000)).summary).toMatchObject({
      ...list,
      guests_from: 'last_list',
      list_age_ms: expect.any(Number),
      list_problem: expect.stringContaining(how),
    });
    if (closed === undefined) await proxy.close();
  });

  test('a sweep whose management API hangs on one connection lists the guests over the next one', async () => {
    const bindings = JSON.stringify(alive.map((id) => ({ routing_key: `guestagent.${id}` })));
    let requests = 0;
    const url = await serving((_request, response) => {
      requests++;
      if (requests > 1) response.end(bindings);
    });
    const check = await start({ BROKER_URL: broker.url, BROKER_MANAGEMENT_URL: url });
    const { summary } = await check.sweep();
    expect(summary).toMatchObject(list);
    expect(summary).not.toHaveProperty('list_problem');
  });

  test('a sweep of guests that the event names does not need the management API', async () => {
    const check = await start({ BROKER_URL: broker.url, BROKER_MANAGEMENT_URL: await answering(500, '') });
    const { summary } = await check.sweep({ instance_ids: alive });
    expect(summary).toMatchObject({ ...list, guests_from: 'event' });
    expect(summary).not.toHaveProperty('error');
  });
});
