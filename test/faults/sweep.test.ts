import { setTimeout } from 'node:timers/promises';
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

async function proxyTo(url: string): Promise<TcpProxy> {
  return stack.adopt(await TcpProxy.to(url), (proxy) => proxy.close());
}

describe('a short time', () => {
  let broker: TestBroker;
  let fleet: ResponderFleet;
  beforeAll(async () => {
    broker = await TestBroker.create();
    fleet = new ResponderFleet(await broker.channel());
    await fleet.add('reachable', 50);
    await fleet.add('no_consumer', 40);
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
      checked: 90,
      reachable: 50,
      unreachable_by_reason: { no_consumer: 40 },
      unknown: 5,
      broker_reachable: true,
      error: { code: 'out_of_time' },
    });
    expect(new Set(reasons.values())).toEqual(new Set(['no_consumer']));
  });

  test('a process that was stopped until its guests had no time left still tells dead agents from hanging ones', async () => {
    const check = await start({ ...settings(), RPC_TIMEOUT_SECONDS: '1' });
    const stopped = Promise.withResolvers<void>();
    fleet.onRequest = (id) => {
      if (fleet.guests.get(id) !== 'no_reply') return;
      process.kill(check.lambda.pid, 'SIGSTOP');
      stopped.resolve();
    };
    const sweeping = check.sweep();
    await stopped.promise;
    await setTimeout(1500); // until the time that the guests have is over
    fleet.onRequest = () => undefined;
    process.kill(check.lambda.pid, 'SIGCONT');
    expect((await sweeping).summary).toMatchObject({
      reachable: 50,
      unreachable_by_reason: { no_consumer: 40, no_reply: 5 },
    });
  });

  test('a sweep with 1,001 ms left still returns a summary, and calls no guest unreachable', async () => {
    const check = await start(settings());
    const { summary } = await check.sweep({ instance_ids: [...fleet.guests.keys()] }, 1001);
    expect(summary.checked + summary.unknown).toBe(95);
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

  test.each([
    ['without a control exchange is exchange_missing', 'exchange_missing', 'guest:guest', 'astray'],
    ['whose login is refused is broker_refused', 'broker_refused', 'guest:wrong', 'trove'],
  ])('a sweep %s once, with all guests unknown', async (_what, code, login, exchange) => {
    const url = broker.url.replace('guest:guest', login);
    const under = await start({ BROKER_URL: url, CONTROL_EXCHANGE: exchange });
    expect((await under.sweep({ instance_ids: [...fleet.guests.keys()] })).summary).toMatchObject({
      checked: 0,
      unknown: 600,
      broker_reachable: false,
      error: { code },
    });
  });
});
