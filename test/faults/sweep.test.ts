import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { ResponderFleet } from '../setup/fleet.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
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

async function proxyTo(url: string): Promise<TcpProxy> {
  return stack.adopt(await TcpProxy.to(url), (proxy) => proxy.close());
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
    ['answers with a page of HTML', 200, '<html>', 'no list'],
    ['answers with JSON of another kind', 200, '{"items": 3}', 'no list'],
    ['answers with an error', 503, '{}', 'status 503'],
    ['refuses the user', 401, '{"error":"not_authorised"}', 'tag `management`'],
    ['answers with a list that breaks off', 200, '[{"routing_key":"guestagent.', 'no list'],
    ['answers without end', 200, `[${'{"routing_key":"x"},'.repeat(2 ** 22)}`, 'far too long'],
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
    ['answers the bindings in HTML', 200, '<html>', 'no list'],
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
    ['does not answer in time', (proxy: TcpProxy) => proxy.swallow()],
    ['cannot be reached', (proxy: TcpProxy) => proxy.close()],
  ])('a sweep whose management API %s takes the last list, and reports that', async (_how, fail) => {
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
      list_problem: expect.stringContaining('cannot be reached'),
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

describe('a short time', () => {
  let broker: TestBroker;
  let fleet: ResponderFleet;
  beforeAll(async () => {
    broker = await TestBroker.create();
    fleet = new ResponderFleet(await broker.channel());
    await fleet.add('reachable', 50);
    await fleet.add('no_consumer', 5);
    await fleet.add('no_reply', 5);
  });
  afterAll(() => broker.delete());

  function settings() {
    return {
      BROKER_URL: broker.url,
      BROKER_MANAGEMENT_URL: broker.managementUrl,
      RPC_TIMEOUT_SECONDS: '15',
      NO_CONSUMER_GRACE_SECONDS: '0.5',
    };
  }

  test('a sweep with 3,000 ms left reports silent guests as unknown, and gives all others their verdict', async () => {
    const check = await start(settings());
    const { summary, reasons } = await check.sweep({}, 3000);
    expect(summary).toMatchObject({
      checked: 55,
      reachable: 50,
      unreachable_by_reason: { no_consumer: 5 },
      unknown: 5,
      broker_reachable: true,
      error: { code: 'out_of_time' },
    });
    expect(new Set(reasons.values())).toEqual(new Set(['no_consumer']));
  });

  test('a sweep with 1,001 ms left still returns a summary, and calls no guest unreachable', async () => {
    const check = await start(settings());
    const { summary } = await check.sweep({ instance_ids: [...fleet.guests.keys()] }, 1001);
    expect(summary.checked + summary.unknown).toBe(60);
    expect(summary.unreachable).toBe(0);
  });
});

describe('a failing path to the broker', () => {
  let broker: TestBroker;
  let fleet: ResponderFleet;
  beforeAll(async () => {
    broker = await TestBroker.create();
    fleet = new ResponderFleet(await broker.channel());
    await fleet.add('reachable', 600);
  });
  afterAll(() => broker.delete());

  /** Calls `action` when the 300th guest has been pinged. */
  function midSweep(action: () => void): void {
    const pinged = new Set<string>();
    fleet.onRequest = (id) => {
      if (pinged.size === 300) return; // else a repeated ping would call it again
      pinged.add(id);
      if (pinged.size === 300) action();
    };
  }

  test.each([
    ['is reset in mid-sweep', (proxy: TcpProxy) => proxy.cut()],
    [
      'dies silently in mid-sweep',
      (proxy: TcpProxy) => {
        proxy.swallow();
        setImmediate(() => proxy.heal());
      },
    ],
  ])('a connection that %s is replaced, and every guest gets exactly one verdict', async (_how, fail) => {
    const proxy = await proxyTo(broker.url);
    const check = await start({
      BROKER_URL: proxy.url(broker.url),
      BROKER_MANAGEMENT_URL: broker.managementUrl,
      RPC_TIMEOUT_SECONDS: '10',
    });
    midSweep(() => fail(proxy));
    const { summary } = await check.sweep();
    expect(summary).toMatchObject({ checked: 600, reachable: 600, unknown: 0, broker_reachable: true });
    expect(summary).not.toHaveProperty('error');
  });

  test('a broker lost for good in mid-sweep is one error: no guest is unreachable, the rest is unknown', async () => {
    const proxy = await TcpProxy.to(broker.url);
    const check = await start({
      BROKER_URL: proxy.url(broker.url),
      BROKER_MANAGEMENT_URL: broker.managementUrl,
    });
    const closed = Promise.withResolvers<void>();
    midSweep(() => proxy.close().then(closed.resolve));
    const { summary, reasons, metrics } = await check.sweep();
    await closed.promise;
    expect(reasons.size).toBe(0);
    expect(summary.reachable).toBeGreaterThan(0);
    expect(summary).toMatchObject({
      unreachable: 0,
      unknown: 600 - summary.reachable,
      broker_reachable: false,
      error: { code: 'broker_unreachable' },
    });
    expect(metrics).toContainEqual(expect.objectContaining({ BrokerReachable: 0, GuestsUnreachable: 0 }));
  });

  test('a sweep opens a new connection when the old one died silently after the sweep before', async () => {
    fleet.onRequest = () => undefined;
    const proxy = await proxyTo(broker.url);
    const check = await start({
      BROKER_URL: proxy.url(broker.url),
      BROKER_MANAGEMENT_URL: broker.managementUrl,
    });
    await check.sweep();
    proxy.swallow();
    proxy.heal();
    expect((await check.sweep()).summary).toMatchObject({ checked: 600, reachable: 600, unknown: 0 });
  });
});

describe('a failing broker', () => {
  let rabbit: RabbitMqServer;
  let broker: TestBroker;
  let fleet: ResponderFleet;
  let ids: string[];

  beforeAll(async () => {
    rabbit = await RabbitMqServer.start();
    broker = await TestBroker.create(rabbit);
  }, 60_000);
  afterAll(() => rabbit.stop());
  beforeEach(async () => {
    fleet = new ResponderFleet(await broker.channel());
    ids = [...(await fleet.add('reachable', 300)), ...(await fleet.add('no_reply', 300))];
  });

  function check(): Promise<HealthCheckUnderTest> {
    // The guests that do not reply keep the sweep running until the broker has failed.
    return start({ BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: '20' });
  }

  test('a memory alarm in mid-sweep ends the sweep as broker_blocked, with the rest unknown until it clears', async () => {
    const under = await check();
    let alarm: Promise<unknown> | undefined;
    fleet.onRequest = () => {
      alarm ??= rabbit.ctl('set_vm_memory_high_watermark', '0.000001');
    };
    const { summary } = await under.sweep({ instance_ids: ids });
    await alarm;
    const still = await under.sweep({ instance_ids: ids });
    await rabbit.ctl('set_vm_memory_high_watermark', '0.4');
    expect(still.summary).toMatchObject({ checked: 0, unknown: 600, error: { code: 'broker_blocked' } });
    expect(summary).toMatchObject({
      unreachable: 0,
      unknown: 600 - summary.reachable,
      broker_reachable: false,
      error: { code: 'broker_blocked' },
    });
    const again = await under.sweep({ instance_ids: ids.slice(0, 300) });
    expect(again.summary).toMatchObject({ checked: 300, reachable: 300, unknown: 0 });
  }, 60_000);

  test('a sweep without a control exchange is exchange_missing once, with all guests unknown', async () => {
    const under = await start({ BROKER_URL: broker.url, CONTROL_EXCHANGE: 'astray' });
    expect((await under.sweep({ instance_ids: ids })).summary).toMatchObject({
      checked: 0,
      unknown: 600,
      broker_reachable: false,
      error: { code: 'exchange_missing' },
    });
  });

  test('a sweep whose login is refused is broker_refused once, with all guests unknown', async () => {
    const under = await start({ BROKER_URL: broker.url.replace('guest:guest', 'guest:wrong') });
    expect((await under.sweep({ instance_ids: ids })).summary).toMatchObject({
      checked: 0,
      unknown: 600,
      broker_reachable: false,
      error: { code: 'broker_refused' },
    });
  });

  test('a restart in mid-sweep makes no guest unreachable, and the next sweep reaches the broker again', async () => {
    const under = await check();
    let restart: Promise<unknown> | undefined;
    fleet.onRequest = () => {
      restart ??= rabbit.ctl('stop_app');
    };
    const { summary, reasons } = await under.sweep({ instance_ids: ids });
    await restart;
    expect(reasons.size).toBe(0);
    expect(summary).toMatchObject({
      unreachable: 0,
      unknown: 600 - summary.reachable,
      broker_reachable: false,
      error: { code: 'broker_unreachable' },
    });
    await rabbit.ctl('start_app');
    const back = await new ResponderFleet(await broker.channel()).add('reachable', 10);
    expect((await under.sweep({ instance_ids: back })).summary).toMatchObject({ checked: 10, reachable: 10 });
  }, 60_000);
});
