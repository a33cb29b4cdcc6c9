import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { eventually } from '../setup/eventually.ts';
import { type Answer, FunctionUnderTest } from '../setup/function-under-test.ts';
import { GUEST_QUEUES } from '../setup/guest-queues.ts';
import { TcpProxy } from '../setup/tcp-proxy.ts';
import { TestBroker } from '../setup/test-broker.ts';

/** Runs where Debian's packages can be installed: a RabbitMQ of this file's own, and real Trove guests that reconnect. */
const interop = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

const HEARTBEAT_SECONDS = 2;

interop('a broker that fails', () => {
  let rabbit: RabbitMqServer;
  let broker: TestBroker;
  let guests: TroveGuests;
  let fn: FunctionUnderTest | undefined;
  const alive = randomUUID();

  beforeAll(async () => {
    rabbit = await RabbitMqServer.start([`heartbeat = ${HEARTBEAT_SECONDS}`]);
    broker = await TestBroker.create(rabbit);
    const queues = GUEST_QUEUES === 'transient' ? 'durable' : GUEST_QUEUES; // they outlast the broker
    const host = await TroveGuests.host({ brokerUrl: broker.url, queues });
    if (!host) throw new Error('No Trove guests here');
    guests = host;
    await guests.start(alive);
  }, 60_000);
  afterAll(async () => {
    await guests.end();
    await rabbit.stop();
  });
  afterEach(async () => {
    await fn?.end();
    fn = undefined;
  });

  async function start(settings: Record<string, string> = {}): Promise<FunctionUnderTest> {
    // The grace lasts for the whole deadline: after a restart, the guests need a moment to reconnect.
    const grace = { NO_CONSUMER_GRACE_SECONDS: '15' };
    fn = await FunctionUnderTest.start({ BROKER_URL: broker.url, ...grace, ...settings });
    return fn;
  }

  /** Waits after a restart. Before each further attempt to reconnect, oslo.messaging waits longer, at most 30 s. */
  async function guestIsBack(): Promise<void> {
    const isListening = ({ name, consumers }: { name: string; consumers?: number }) =>
      name === `guestagent.${alive}` && consumers === 1;
    await eventually(
      () => broker.list('queues'),
      (queues) => queues.some(isListening),
      60_000,
    );
  }

  function reasonOf({ status, body }: Answer): string {
    return status === 204 ? '204' : body.replace(/^.*guest: (The broker [a-z ]*[a-z]).*$/, '$1');
  }

  describe('a stopped process', () => {
    /** Stops the process until the broker has dropped the connection, after two missed heartbeats. */
    async function sleepPastHeartbeat(under: FunctionUnderTest): Promise<void> {
      process.kill(under.lambda.pid, 'SIGSTOP');
      await eventually(ownConnections, (count) => count === 0);
      process.kill(under.lambda.pid, 'SIGCONT');
    }

    async function ownConnections(): Promise<number> {
      const connections = (await broker.list('connections')) as {
        client_properties?: { connection_name?: string };
      }[];
      return connections.filter((one) => one.client_properties?.connection_name?.includes('rpc-ping')).length;
    }

    test('a process that was stopped past the heartbeat reaches the guest with its next ping', async () => {
      const under = await start();
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
      await eventually(ownConnections, (count) => count === 1);
      await sleepPastHeartbeat(under);
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
    });

    test('a process that is stopped past the heartbeat during a ping reaches the guest', async () => {
      const slow = randomUUID();
      await guests.start(slow, { delay: 1 });
      const under = await start();
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
      await eventually(ownConnections, (count) => count === 1);
      const before = guests.log.length;
      const answer = under.ping(slow);
      await eventually(
        async () => guests.log.slice(before),
        (log) => log.includes('Pinged for project tenant'),
      );
      await sleepPastHeartbeat(under);
      expect(await answer).toMatchObject({ status: 204 });
    });

    test.each(['between two pings', 'during a ping'])(
      'a process that is stopped past the heartbeat %s, while the path swallows all packets, reaches the guest',
      async (when) => {
        const path = await TcpProxy.to(broker.url);
        const slow = randomUUID();
        await guests.start(slow, { delay: 1 });
        const under = await start({ BROKER_URL: path.url(broker.url) });
        expect(await under.ping(alive)).toMatchObject({ status: 204 });
        await eventually(ownConnections, (count) => count === 1);
        const logged = guests.log.length;
        const before = when === 'between two pings' ? undefined : under.ping(slow);
        if (before)
          await eventually(
            async () => guests.log.slice(logged),
            (log) => log.includes('Pinged for project'),
          );
        path.swallow();
        await sleepPastHeartbeat(under);
        path.heal();
        expect(await (before ?? under.ping(slow))).toMatchObject({ status: 204 });
        await path.close();
      },
    );
  });

  test('a guest is reached after an operator has deleted the reply queue', async () => {
    const under = await start();
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    const ours = ({ name }: { name: string }) => name.startsWith('reply_');
    const [queue] = (
      await eventually(
        () => broker.list('queues'),
        (list) => list.some(ours),
      )
    ).filter(ours);
    const name = `rabbit_misc:r(<<"${broker.vhost}">>, queue, <<"${queue?.name}">>)`;
    await rabbit.ctl(
      'eval',
      `{ok, Q} = rabbit_amqqueue:lookup(${name}), rabbit_amqqueue:delete(Q, false, false, <<"test">>).`,
    );
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
  });

  describe('a memory alarm', () => {
    afterEach(() => rabbit.ctl('set_vm_memory_high_watermark', '0.4'));

    test('a memory alarm makes pings broker_blocked, until the alarm has cleared', async () => {
      const under = await start();
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
      await rabbit.ctl('set_vm_memory_high_watermark', '0.000001');
      expect(reasonOf(await under.ping(alive))).toBe('The broker has blocked publishing');
      const { status, headers } = await under.ping(alive);
      const proxyStatus = 'guest-rpc-ping; error=destination_unavailable; details="broker_blocked"';
      expect([status, headers.get('proxy-status')]).toEqual([400, proxyStatus]);
      const { metrics } = await under.telemetry(alive);
      expect(metrics.at(-1)).toMatchObject({ Reason: 'broker_blocked', GuestsUnreachable: 1 });
      await rabbit.ctl('set_vm_memory_high_watermark', '0.4');
      await eventually(
        () => under.ping(alive),
        ({ status }) => status === 204,
      );
    });

    test('a memory alarm is broker_blocked, not broker_unreachable, also when the caller waits for one second', async () => {
      const under = await start();
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
      await rabbit.ctl('set_vm_memory_high_watermark', '0.000001');
      expect(reasonOf(await under.ping(alive, 'tenant', { Prefer: 'wait=1' }))).toBe(
        'The broker has blocked publishing',
      );
      expect(reasonOf(await under.ping(alive, 'tenant', { Prefer: 'wait=1' }))).toBe(
        'The broker has blocked publishing',
      );
    });

    test('a memory alarm that begins during the wait for a guest is broker_blocked, not no_reply', async () => {
      const silent = randomUUID();
      await guests.start(silent, { delay: 86_400 });
      const under = await start();
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
      const before = guests.log.length;
      const answer = under.ping(silent);
      await eventually(
        async () => guests.log.slice(before),
        (log) => log.includes('Pinged for project'),
      );
      await rabbit.ctl('set_vm_memory_high_watermark', '0.000001');
      expect(reasonOf(await answer)).toBe('The broker has blocked publishing');
    });

    test('a memory alarm that was raised before the function connected is broker_blocked, not no_reply', async () => {
      await rabbit.ctl('set_vm_memory_high_watermark', '0.000001');
      const under = await start();
      expect(reasonOf(await under.ping(alive))).toBe('The broker has blocked publishing');
    });
  });

  describe('a restart', () => {
    async function restart(): Promise<void> {
      await rabbit.crash();
      await rabbit.boot();
    }

    test('a guest is reached after a restart between two pings, as soon as the guest has reconnected', async () => {
      const under = await start();
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
      await restart();
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
    }, 60_000);

    test('a restart during a ping is broker_unreachable, until the broker is back', async () => {
      const silent = randomUUID();
      await guests.start(silent, { delay: 86_400 });
      const under = await start();
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
      const answer = under.ping(silent);
      await rabbit.crash();
      expect(reasonOf(await answer)).toBe('The broker cannot be reached');
      expect(reasonOf(await under.ping(alive))).toBe('The broker cannot be reached');
      await rabbit.boot();
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
    }, 60_000);

    test('a restart while the function connects is broker_unreachable, until the broker is back', async () => {
      const path = await TcpProxy.to(broker.url);
      path.swallowAfter((from, _packet, index) => from === 'server' && index === 1);
      const under = await start({ BROKER_URL: path.url(broker.url) });
      const answer = under.ping(alive);
      await rabbit.crash();
      path.cut();
      expect(reasonOf(await answer)).toBe('The broker cannot be reached');
      path.heal();
      await rabbit.boot();
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
      await path.close();
    }, 60_000);
  });

  test('two thousand pings during restarts all end in time, and no healthy guest is called dead', async () => {
    const [pings, pingsBetweenRestarts, timeoutMs] = [2000, 400, 15_000];
    const under = await start();
    const verdicts: (string | number)[] = [];
    const wrong: object[] = [];
    const reached = () => verdicts.filter((verdict) => verdict === 204).length;
    let restarting: Promise<void> | undefined;
    let healthySince = performance.now();
    let nextRestart = pingsBetweenRestarts;
    const restart = async () => {
      await rabbit.ctl('stop_app');
      await rabbit.ctl('start_app');
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
});
