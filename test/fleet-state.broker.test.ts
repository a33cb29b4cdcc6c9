import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConfirmChannel } from 'amqplib';
import { type FleetState, fleetState, parseFleetState } from '../functions/changes/fleet-state.ts';
import { TemporaryFolder } from '../infra/local/parts/temporary-folder.ts';
import { EventRule, successEvent } from './setup/event-rule.ts';
import {
  HealthCheckUnderTest,
  NO_TIME_TO_RETURN_MS,
  type SweepSeen,
} from './setup/health-check-under-test.ts';
import { respond } from './setup/responder.ts';
import { ResponderFleet } from './setup/responder-fleet.ts';
import { S3StandIn, s3Error } from './setup/s3-stand-in.ts';
import { TcpProxy } from './setup/tcp-proxy.ts';
import { TestBroker } from './setup/test-broker.ts';

let broker: TestBroker;
let stack: AsyncDisposableStack;

beforeAll(async () => {
  broker = await TestBroker.create();
});
afterAll(() => broker.delete());
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

async function start(settings: Record<string, string>): Promise<HealthCheckUnderTest> {
  const common = {
    BROKER_URL: broker.url,
    BROKER_MANAGEMENT_URL: broker.managementUrl,
    RPC_TIMEOUT_SECONDS: '1',
    NO_CONSUMER_GRACE_SECONDS: '0.2',
  };
  return stack.use(await HealthCheckUnderTest.start({ ...common, ...settings }));
}

/** A state in which these guests have answered. */
function stateWith(...ids: string[]): string {
  const totals = { checked: 1, reachable: 1, unreachable: 0, unknown: 0 };
  const apart = { new: 0, abandoned: 0, expected_silent: 0, orphaned: 0, muted: 0 };
  const at = '2026-03-14T14:05:52.000Z';
  const sweep = {
    at,
    ...totals,
    ...apart,
    broker_reachable: true,
    duration_ms: 1,
    guests_from: 'event',
  } as const;
  const state = fleetState(sweep, {}, { answered: Object.fromEntries(ids.map((id) => [id, 1])) });
  return JSON.stringify(state);
}

function temporaryPath(): string {
  return stack.adopt(new TemporaryFolder('fleet-state'), (folder) => folder.remove()).file('fleet.json');
}

/** A guest whose agent can die, hang and come back. */
class Mortal {
  readonly id = randomUUID();
  #channel: ConfirmChannel | undefined;
  #hangs = false;

  async live(): Promise<void> {
    this.#hangs = false;
    this.#channel ??= await broker.channel();
    await respond(this.#channel, this.id, (request) => {
      if (!this.#hangs) request.reply();
    });
  }

  hang(): void {
    this.#hangs = true;
  }

  async die(): Promise<void> {
    await this.#channel?.close();
    this.#channel = undefined;
  }

  async delete(): Promise<void> {
    const channel = await broker.channel();
    await channel.deleteQueue(`guestagent.${this.id}`);
    await channel.close();
  }
}

describe('the history of a guest', () => {
  test('a guest that dies, flaps, mends, hangs and loses its queue is reported once each, and nothing of an outage', async () => {
    const rule = EventRule.of({ resources: () => JSON.parse(process.env['TEST_EVENT_RULES'] ?? '[]') });
    const path = temporaryPath();
    const proxy = stack.adopt(await TcpProxy.to(broker.url), (made) => made.close());
    const settings = {
      BROKER_URL: proxy.url(broker.url),
      FLEET_STATE_URL: pathToFileURL(path).href,
      RPC_TIMEOUT_SECONDS: '2',
    };
    let check = await start(settings);
    await new ResponderFleet(await broker.channel()).add('reachable', 5);
    const guest = new Mortal();
    await guest.live();

    const notices: string[] = [];
    const kept = (): FleetState => parseFleetState(readFileSync(path, 'utf8'));
    const sweep = async (): Promise<SweepSeen> => {
      const seen = await check.sweep({}, NO_TIME_TO_RETURN_MS);
      const notice = rule.notice(successEvent({}, seen.summary));
      if (notice !== undefined)
        notices.push(notice.replaceAll(guest.id, 'G').replace(/(since|after) [^)]+/, '$1 …'));
      const lines = seen.log.filter(({ message }) => message === 'guest_changed');
      expect(lines).toMatchObject([...(seen.summary.changes ?? [])]);
      return seen;
    };
    const sweeps = async (count: number) => {
      for (let n = 0; n < count; n++) await sweep();
    };

    const first = await sweep();
    expect(first.summary).toMatchObject({
      reachable: 6,
      changes: [],
      state_problem: { code: 'state_missing' },
    });

    await guest.die();
    await sweep();
    expect(notices).toEqual([]); // once is a hiccup
    const { since } = kept().guests[guest.id] ?? {};
    const second = await sweep();
    expect(second.summary).toMatchObject({
      changes: [{ instance_id: guest.id, change: 'unreachable', reason: 'no_consumer', since }],
      unreachable_guests: [{ instance_id: guest.id, since }],
    });
    expect(second.summary).not.toHaveProperty('state_problem');

    const before = kept();
    proxy.swallow();
    const outage = await sweep();
    expect(outage.summary).toMatchObject({ broker_reachable: false, changes: [] });
    expect(kept().guests).toEqual(before.guests);
    expect(kept().sweep).toMatchObject({ broker_reachable: false, error: { code: 'broker_unreachable' } });
    proxy.heal();

    await check[Symbol.asyncDispose](); // another execution environment goes on
    check = await start(settings);
    await sweep();
    await guest.live();
    await sweeps(2);
    for (const _ of ['down', 'up', 'down']) {
      await guest.die();
      await sweep();
      await guest.live();
      await sweep();
    }
    await sweeps(8);
    expect(kept().guests).toEqual({});
    guest.hang();
    await sweeps(3);
    await guest.delete();
    await sweeps(2);

    expect(notices).toEqual([
      '"GuestRpcPing: 1 guest became unreachable: G (no_consumer, since …)."',
      '"GuestRpcPing: 1 guest is reachable again: G (after …)."',
      '"GuestRpcPing: 1 guest is flapping: G (no_consumer, since …)."',
      '"GuestRpcPing: 1 guest is reachable again: G (after …)."',
      '"GuestRpcPing: 1 guest became unreachable: G (no_reply, since …)."',
      '"GuestRpcPing: 1 guest is unreachable for another reason: G (queue_missing, since …)."',
    ]);
    expect(kept()).toMatchObject({ sweep: { checked: 6, reachable: 5 }, guests: { [guest.id]: {} } });
  }, 120_000);

  test('of a sweep of named guests, those alone change, and of an unknown one nothing is saved', async () => {
    const path = temporaryPath();
    const [one, other] = [randomUUID(), randomUUID()];
    writeFileSync(path, stateWith(one, other));
    const check = await start({ FLEET_STATE_URL: pathToFileURL(path).href, UNREACHABLE_AFTER_SWEEPS: '1' });
    const { summary } = await check.sweep({ instance_ids: [one, randomUUID()] }, NO_TIME_TO_RETURN_MS);
    expect(summary).toMatchObject({ unreachable: 2, changes: [{ instance_id: one, change: 'unreachable' }] });
    const state = parseFleetState(readFileSync(path, 'utf8'));
    expect([state.guests, state.answered].map(Object.keys)).toEqual([[one], [other]]);
  });
});

test('a scheduled event that comes twice makes no guest unreachable, and the next event does', async () => {
  await using virtualHost = await TestBroker.create();
  const [silent = ''] = await new ResponderFleet(await virtualHost.channel()).add('no_consumer', 1);
  const path = temporaryPath();
  const check = await start({
    BROKER_URL: virtualHost.url,
    FLEET_STATE_URL: pathToFileURL(path).href,
    HEALTH_CHECK_RATE_MINUTES: '5',
  });
  for (const _ of [1, 2])
    expect((await check.sweep()).summary).toMatchObject({ unreachable: 1, changes: [] });
  const state = parseFleetState(readFileSync(path, 'utf8'));
  const before = new Date(Date.now() - 120_000).toISOString();
  writeFileSync(path, JSON.stringify({ ...state, counted_at: before }));
  expect((await check.sweep()).summary.changes).toMatchObject([
    { instance_id: silent, change: 'unreachable' },
  ]);
});

describe('a state that cannot be kept', () => {
  let s3: S3StandIn;
  beforeEach(async () => {
    s3 = stack.use(await S3StandIn.start());
  });
  const [PATH, FLEET_STATE_URL] = ['/fleet/state.json', 's3://fleet/state.json'];
  const gone = randomUUID();
  const missing = { instance_ids: [gone] };

  test('a FLEET_STATE_URL that is no place makes the sweep fail, with an error that names the setting', async () => {
    const check = await start({ FLEET_STATE_URL: 'https://bucket/key' });
    await expect(check.lambda.invoke({})).rejects.toThrow('FLEET_STATE_URL');
  });

  test('a state in S3 is kept by one read and one write a sweep, each change reported once', async () => {
    s3.objects.set(PATH, stateWith(gone));
    const check = await start({ FLEET_STATE_URL, ...s3.aws.settings });
    await check.sweep(missing, NO_TIME_TO_RETURN_MS);
    const { summary, metrics } = await check.sweep(missing, NO_TIME_TO_RETURN_MS);
    expect(summary.changes).toMatchObject([{ change: 'unreachable', reason: 'queue_missing' }]);
    expect(metrics).toContainEqual(expect.objectContaining({ FleetStateKept: 1 }));
    expect((await check.sweep(missing)).summary.changes).toEqual([]);
    const methods = s3.aws.requests.map(({ method }) => method);
    expect(methods).toEqual(['GET', 'PUT', 'GET', 'PUT', 'GET', 'PUT']);
    expect(parseFleetState(s3.objects.get(PATH) ?? '').sweep).toMatchObject({ checked: 1, unreachable: 1 });
  });

  test.each([
    ['denied', 'AccessDenied'],
    ['out of reach', 'ECONNREFUSED'],
  ])('an S3 that is %s never stops a sweep, and the summary and a metric say so', async (what, exception) => {
    s3.before = () => s3Error(403, 'AccessDenied');
    const endpoint = what === 'denied' ? s3.aws.url : 'http://127.0.0.1:1';
    const check = await start({ FLEET_STATE_URL, ...s3.aws.settings, AWS_ENDPOINT_URL_S3: endpoint });
    const { summary, metrics } = await check.sweep(missing);
    expect(summary).toMatchObject({
      checked: 1,
      changes: [],
      state_problem: { code: 'state_unreadable', message: expect.stringContaining(`: ${exception}. `) },
    });
    expect(metrics).toContainEqual(expect.objectContaining({ FleetStateKept: 0, SweepComplete: 1 }));
  });

  test("an S3 that does not answer is not waited for beyond the invocation's time", async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    s3.before = () => promise;
    stack.defer(() => resolve(undefined));
    const check = await start({ FLEET_STATE_URL, ...s3.aws.settings });
    const { summary } = await check.sweep(missing, 5000);
    expect(summary).toMatchObject({ checked: 1, state_problem: { code: 'state_unreadable' } });
  });

  test('a damaged file starts a new history, once', async () => {
    const path = temporaryPath();
    writeFileSync(path, '{"version":1');
    const check = await start({ FLEET_STATE_URL: pathToFileURL(path).href });
    expect((await check.sweep(missing)).summary.state_problem).toMatchObject({ code: 'state_malformed' });
    expect((await check.sweep(missing)).summary).not.toHaveProperty('state_problem');
  });

  test('without FLEET_STATE_URL nothing is kept, and no changes are reported', async () => {
    const check = await start({});
    const { summary, metrics } = await check.sweep(missing);
    for (const field of ['changes', 'changes_sentence', 'state_problem'])
      expect(summary).not.toHaveProperty(field);
    expect(metrics.some((line) => 'FleetStateKept' in line)).toBe(false);
  });
});
