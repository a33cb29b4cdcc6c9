import { randomUUID } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ReportedSummary } from '../../functions/changes/report.ts';
import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { type GuestHostOptions, TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { exitCode } from '../../infra/terminal/exit-code.ts';
import { HealthCheckUnderTest, NO_TIME_TO_RETURN_MS } from '../setup/health-check-under-test.ts';
import { TestBroker } from '../setup/test-broker.ts';

/** Runs where Debian's packages of Trove can be installed; where they cannot, the global setup prints a warning. */
const interop = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

type Options = Omit<GuestHostOptions, 'brokerUrl'> & { readonly policy?: object };

/** How a guest's queue is made, and when it goes. */
const KINDS: Readonly<Record<string, Options>> = {
  transient: { queues: 'transient' },
  durable: { queues: 'durable' },
  quorum: { queues: 'quorum' },
  'auto-delete': { queues: 'transient', rabbitOptions: { amqp_auto_delete: 'true' } },
  'durable, with a policy that they expire': { queues: 'durable', policy: { expires: 500 } },
};

/** Four real guests in a virtual host of their own, whose queues are all of one kind. */
class Fleet {
  readonly #ids: string[] = Array.from({ length: 4 }, () => randomUUID());
  readonly #stack = new AsyncDisposableStack();
  #guests: TroveGuests | undefined;
  #check: HealthCheckUnderTest | undefined;

  async start(server: RabbitMqServer, { policy, ...options }: Options): Promise<void> {
    const stack = this.#stack;
    const broker = await TestBroker.create(server);
    if (policy) {
      const definition = { pattern: '^guestagent', definition: policy, 'apply-to': 'queues' };
      await broker.request('PUT', `policies/${broker.vhost}/expiry`, definition);
    }
    const folder = stack.adopt(new TemporaryFolder('who'), (each) => each.remove());
    const check = await HealthCheckUnderTest.start({
      BROKER_URL: broker.url,
      BROKER_MANAGEMENT_URL: broker.managementUrl,
      FLEET_STATE_URL: pathToFileURL(folder.file('state.json')).href,
      UNREACHABLE_AFTER_SWEEPS: '1',
      NO_CONSUMER_GRACE_SECONDS: '0.2',
      CONTROL_PLANE_TOPICS: '',
    });
    this.#check = stack.use(check);
    const guests = await TroveGuests.host({ brokerUrl: broker.url, debug: false, ...options });
    if (!guests) throw new Error('No Trove guests here');
    this.#guests = stack.adopt(guests, (each) => each.end());
    for (const id of this.#ids) await guests.start(id);
  }

  get dead(): string {
    return this.#ids[0] ?? '';
  }

  async killOne(): Promise<void> {
    await this.#guests?.stop(this.dead);
  }

  async killAll(): Promise<void> {
    await this.#guests?.end();
  }

  async sweep(timeoutMs: number): Promise<ReportedSummary & { readonly exitCode: number }> {
    if (!this.#check) throw new Error('not started');
    const { summary } = await this.#check.sweep({}, timeoutMs);
    return { ...summary, exitCode: exitCode(summary) };
  }

  end(): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

interop('who should answer', () => {
  const kinds = Object.entries(KINDS);
  const fleets = kinds.map(([kind]) => [kind, new Fleet()] as const);
  let rabbit: RabbitMqServer;

  beforeAll(async () => {
    rabbit = await RabbitMqServer.start();
    await Promise.all(fleets.map(([kind, fleet]) => fleet.start(rabbit, KINDS[kind] ?? {})));
  }, 120_000);
  afterAll(async () => {
    await Promise.all(fleets.map(([, fleet]) => fleet.end()));
    await rabbit?.stop();
  });

  /** What each fleet's sweep finds; all at once. */
  async function sweeps(before: (fleet: Fleet) => Promise<void> = async () => undefined, timeoutMs = 60_000) {
    const swept = fleets.map(async ([kind, fleet]) => {
      await before(fleet);
      return { kind, fleet, summary: await fleet.sweep(timeoutMs) };
    });
    return Promise.all(swept);
  }

  async function restart(): Promise<void> {
    await rabbit.crash();
    await rabbit.boot();
  }

  test('four that live are reachable', async () => {
    for (const { kind, summary } of await sweeps())
      expect({ kind, ...summary }).toMatchObject({ kind, checked: 4, reachable: 4, exitCode: 0 });
  }, 60_000);

  test('one that was killed is unreachable, whatever became of its queue', async () => {
    for (const { kind, fleet, summary } of await sweeps((each) => each.killOne())) {
      expect({ kind, ...summary }).toMatchObject({
        kind,
        reachable: 3,
        unreachable_guests: [{ instance_id: fleet.dead }],
        changes: [{ instance_id: fleet.dead, change: 'unreachable' }],
        exitCode: 1,
      });
    }
  }, 60_000);

  test('and it still is after the broker has restarted, and the others are back', async () => {
    await restart();
    for (const { kind, fleet, summary } of await sweeps()) {
      expect({ kind, ...summary }).toMatchObject({
        kind,
        reachable: 3,
        unreachable_guests: [{ instance_id: fleet.dead }],
        exitCode: 1,
      });
      const told = summary.changes?.map(({ change }) => change) ?? [];
      expect(told.filter((change) => change !== 'reason_changed')).toEqual([]);
    }
  }, 90_000);

  test('all dead is no success, before and after a restart', async () => {
    for (const { kind, summary } of await sweeps((each) => each.killAll(), NO_TIME_TO_RETURN_MS))
      expect({ kind, ...summary }).toMatchObject({ kind, reachable: 0, exitCode: expect.any(Number) });
    await restart();
    for (const { kind, summary } of await sweeps()) {
      expect({ kind, ...summary }).toMatchObject({ kind, reachable: 0 });
      expect(summary.unreachable + summary.unknown).toBe(4);
      expect(summary.exitCode).toBe(summary.broker_reachable ? 1 : 2); // a missing exchange keeps us from pinging
    }
  }, 90_000);

  test('an empty virtual host is no success', async () => {
    await using broker = await TestBroker.create(rabbit);
    await using check = await HealthCheckUnderTest.start({
      BROKER_URL: broker.url,
      BROKER_MANAGEMENT_URL: broker.managementUrl,
    });
    const { summary } = await check.sweep();
    expect(exitCode(summary)).toBe(3);
  });
});
