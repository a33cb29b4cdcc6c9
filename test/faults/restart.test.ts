import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { eventually } from '../setup/eventually.ts';
import { type Answer, FunctionUnderTest } from '../setup/function-under-test.ts';
import { GUEST_QUEUES } from '../setup/guest-queues.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { ResponderFleet } from '../setup/responder-fleet.ts';
import { TcpProxy } from '../setup/tcp-proxy.ts';
import { TestBroker } from '../setup/test-broker.ts';

/** Runs where Debian's packages can be installed: a RabbitMQ of this file's own, and real Trove guests that reconnect. */
const interop = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

interop('a restart of the broker', () => {
  let rabbit: RabbitMqServer;
  let broker: TestBroker;
  let guests: TroveGuests;
  const alive = randomUUID();

  beforeAll(async () => {
    rabbit = await RabbitMqServer.start();
    broker = await TestBroker.create(rabbit);
    const queues = GUEST_QUEUES === 'transient' ? 'durable' : GUEST_QUEUES; // they outlast the broker
    const host = await TroveGuests.host({
      brokerUrl: broker.url,
      queues,
      rabbitOptions: { rabbit_retry_backoff: 0 },
    });
    if (!host) throw new Error('No Trove guests here');
    guests = host;
    await guests.start(alive);
  }, 120_000);
  afterAll(async () => {
    await guests?.end();
    await rabbit?.stop();
  });

  function start(settings: Record<string, string> = {}): Promise<FunctionUnderTest> {
    // The grace lasts for the whole deadline: after a restart, the guests need a moment to reconnect.
    const grace = { NO_CONSUMER_GRACE_SECONDS: '15' };
    return FunctionUnderTest.start({ BROKER_URL: broker.url, ...grace, ...settings });
  }

  function reasonOf({ status, body }: Answer): string {
    return status === 204 ? '204' : body.replace(/^.*guest: (The broker [a-z ]*[a-z]).*$/, '$1');
  }

  describe('by a crash', () => {
    const UNREACHABLE = 'The broker cannot be reached';
    const stack = new AsyncDisposableStack();
    let idle: FunctionUnderTest;
    let busy: FunctionUnderTest;
    let connecting: FunctionUnderTest;
    /** What was answered while the broker was down. */
    let answers: { readonly caught: string; readonly next: string; readonly connecting: string };

    beforeAll(async () => {
      const path = stack.adopt(await TcpProxy.to(broker.url), (made) => made.close());
      path.swallowAfter((from, _packet, index) => from === 'server' && index === 1);
      const started = [start(), start(), start({ BROKER_URL: path.url(broker.url) })] as const;
      [idle, busy, connecting] = await Promise.all(started);
      for (const under of [idle, busy, connecting]) stack.use(under);
      const silent = randomUUID();
      await guests.start(silent, { delay: 86_400 });
      for (const under of [idle, busy]) expect(await under.ping(alive)).toMatchObject({ status: 204 });
      const caught = busy.ping(silent, silent);
      await eventually(
        async () => guests.log,
        (log) => log.includes(`Pinged for project ${silent}`),
      );
      const stuck = connecting.ping(alive);
      await rabbit.crash();
      path.cut();
      answers = {
        caught: reasonOf(await caught),
        next: reasonOf(await busy.ping(alive)),
        connecting: reasonOf(await stuck),
      };
      path.heal();
      await rabbit.boot();
    }, 120_000);
    afterAll(() => stack.disposeAsync());

    test('between two pings: the guest is reached as soon as it has reconnected', async () => {
      expect(await idle.ping(alive)).toMatchObject({ status: 204 });
    });

    test('during a ping: broker_unreachable, until the broker is back', async () => {
      expect([answers.caught, answers.next]).toEqual([UNREACHABLE, UNREACHABLE]);
      expect(await busy.ping(alive)).toMatchObject({ status: 204 });
    });

    test('while the function connects: broker_unreachable, until the broker is back', async () => {
      expect(answers.connecting).toBe(UNREACHABLE);
      expect(await connecting.ping(alive)).toMatchObject({ status: 204 });
    });
  });

  /** Waits until the guest has reconnected. */
  async function guestIsBack(): Promise<void> {
    const isListening = ({ name, consumers }: { name: string; consumers?: number }) =>
      name === `guestagent.${alive}` && consumers === 1;
    await eventually(
      () => broker.list('queues'),
      (queues) => queues.some(isListening),
      60_000,
    );
  }

  test('a thousand pings meanwhile all end in time, and no healthy guest is called dead', async () => {
    const [pings, pingsBetweenRestarts, timeoutMs] = [1000, 300, 15_000];
    await using under = await start();
    const verdicts: (string | number)[] = [];
    const wrong: object[] = [];
    const reached = () => verdicts.filter((verdict) => verdict === 204).length;
    let restarting: Promise<void> | undefined;
    let healthySince = performance.now();
    let nextRestart = pingsBetweenRestarts;
    const restart = async () => {
      await rabbit.eval('rabbit:stop()');
      await rabbit.eval('rabbit:start()');
      await guestIsBack();
      restarting = undefined;
      healthySince = performance.now();
      nextRestart = reached() + pingsBetweenRestarts;
    };
    const pinger = async () => {
      while (verdicts.length < pings) {
        const begin = performance.now();
        const answer = await under.ping(alive);
        const tookMs = performance.now() - begin;
        const verdict =
          /details="(\w+)"/.exec(answer.headers.get('proxy-status') ?? '')?.[1] ?? answer.status;
        verdicts.push(verdict);
        const wasHealthyThroughout = !restarting && healthySince < begin;
        const isExcused = !wasHealthyThroughout && /^(broker_unreachable|no_consumer)$/.test(`${verdict}`);
        const isRight = verdict === 204 || isExcused;
        if (!isRight || tookMs > timeoutMs + 2000) wrong.push({ verdict, tookMs, answer });
        if (reached() >= nextRestart) restarting ??= restart();
        if (verdict !== 204) await restarting;
      }
    };
    await Promise.all([pinger(), pinger(), pinger(), pinger()]);
    await restarting;

    expect(wrong).toEqual([]);
    expect(verdicts.length).toBeGreaterThanOrEqual(pings);
    expect(under.output).not.toMatch(/unhandled|MaxListeners/i);
    const ours = ({ name }: { name: string }) => name.startsWith('reply_');
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    await eventually(
      () => broker.list('queues'),
      (queues) => queues.filter(ours).length === 1,
    );
  }, 240_000);

  test('in mid-sweep makes no guest unreachable, and the next sweep reaches the broker again', async () => {
    const broker = await TestBroker.create(rabbit); // its responders' exchange is not durable
    const fleet = new ResponderFleet(await broker.channel());
    // The guests that do not reply keep the sweep running until the broker has stopped.
    const ids = [...(await fleet.add('reachable', 300)), ...(await fleet.add('no_reply', 300))];
    const settings = { BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: '20' };
    await using under = await HealthCheckUnderTest.start(settings);
    let stopping: Promise<unknown> | undefined;
    fleet.onRequest = () => {
      stopping ??= rabbit.eval('rabbit:stop()');
    };
    const { summary, reasons } = await under.sweep({ instance_ids: ids });
    await stopping;
    expect(reasons.size).toBe(0);
    expect(summary).toMatchObject({
      unreachable: 0,
      unknown: 600 - summary.reachable,
      broker_reachable: false,
      error: { code: 'broker_unreachable' },
    });
    await rabbit.eval('rabbit:start()');
    const back = await new ResponderFleet(await broker.channel()).add('reachable', 10);
    expect((await under.sweep({ instance_ids: back })).summary).toMatchObject({ checked: 10, reachable: 10 });
  });
});
