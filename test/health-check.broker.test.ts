import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TemporaryFolder } from '../infra/local/parts/temporary-folder.ts';
import { AwsStandIn } from './setup/aws-stand-in.ts';
import { eventually } from './setup/eventually.ts';
import { GRANTED } from './setup/granted.ts';
import { HealthCheckUnderTest, type SweepSeen } from './setup/health-check-under-test.ts';
import { type Behaviour, GUEST_REASONS, ResponderFleet } from './setup/responder-fleet.ts';
import { TestBroker } from './setup/test-broker.ts';

let broker: TestBroker;
let fleet: ResponderFleet;
let check: HealthCheckUnderTest;
let alive: string[];

beforeAll(async () => {
  broker = await TestBroker.create();
  fleet = new ResponderFleet(await broker.channel());
  for (const reason of GUEST_REASONS) await fleet.add(reason, 2);
  alive = await fleet.add('reachable', 150);
  check = await HealthCheckUnderTest.start({
    BROKER_URL: broker.url,
    BROKER_MANAGEMENT_URL: broker.managementUrl,
    RPC_TIMEOUT_SECONDS: '2',
    NO_CONSUMER_GRACE_SECONDS: '0.5',
  });
});
afterAll(async () => {
  await check[Symbol.asyncDispose]();
  await broker.delete();
});

/** Names all guests, those too that nothing binds to the control exchange. */
function everyone(): object {
  return { instance_ids: [...fleet.guests.keys()] };
}

/** The unreachable guests, each with its reason. */
function deadGuests(): Map<string, Behaviour> {
  return new Map(fleet.guests.entries().filter(([, behaviour]) => behaviour !== 'reachable'));
}

describe('the event', () => {
  test('an event whose instance_ids is not a list throws an error that says so', async () => {
    await expect(check.lambda.invoke({ instance_ids: 'all' })).rejects.toThrow('instance_ids is not a list');
    const [one = ''] = alive;
    await expect(check.lambda.invoke({ instance_ids: [one.toUpperCase()] })).rejects.toThrow(
      'has no instance id',
    );
  });

  test('malformed ids and duplicates in the event are listed in the summary, and the rest is pinged', async () => {
    const [one = '', two = ''] = alive;
    const { summary } = await check.sweep({ instance_ids: [one, 'x', two, one, one, 7, one.toUpperCase()] });
    expect(summary).toMatchObject({
      checked: 2,
      reachable: 2,
      unknown: 0,
      guests_from: 'event',
      malformed_ids: ['x', '7', one.toUpperCase()],
      duplicate_ids: [one],
    });
  });

  test('an event that names guests has those pinged and no other', async () => {
    const { summary, reasons } = await check.sweep({ instance_ids: [...deadGuests().keys()] });
    expect(reasons).toEqual(deadGuests());
    expect(summary).toMatchObject({ checked: 12, reachable: 0, unreachable: 12, round_trip_ms: null });
  });

  test('an event that names no guests has all guests pinged that are bound to the control exchange', async () => {
    const { summary, reasons } = await check.sweep({
      version: '0',
      'detail-type': 'Scheduled Event',
      detail: {},
    });
    const bound = deadGuests()
      .entries()
      .filter(([, reason]) => reason !== 'queue_missing');
    expect(reasons).toEqual(new Map(bound));
    expect(summary).toMatchObject({ checked: 160, reachable: 150, unknown: 0, guests_from: 'bindings' });
  });
});

describe('the summary', () => {
  let seen: SweepSeen;
  beforeAll(async () => {
    seen = await check.sweep(everyone());
  });

  test('the summary lists the unreachable guests, worst first, and each has a log line of its own', () => {
    const { summary, log } = seen;
    const reasons = summary.unreachable_guests.map(({ reason }) => reason);
    expect(reasons).toEqual(
      ['queue_missing', 'no_consumer', 'no_reply', 'guest_error', 'key_mismatch', 'bad_reply'].flatMap(
        (reason) => [reason, reason],
      ),
    );
    expect(summary.unreachable_guests[2]).toEqual({
      instance_id: expect.any(String),
      reason: 'no_consumer',
      consumers: 0,
      waiting_messages: expect.any(Number),
    });
    const lines = log.filter(({ message }) => message === 'guest_unreachable');
    expect(lines).toHaveLength(12);
    expect(lines[0]).toMatchObject({
      service: 'health-check',
      outcome: 'unreachable',
      reason: 'queue_missing',
      means: expect.any(String),
      todo: expect.any(String),
    });
  });

  test('the summary has the totals, and is both returned and logged', () => {
    const { summary, log } = seen;
    expect(summary).toMatchObject({
      checked: 162,
      reachable: 150,
      unreachable: 12,
      unreachable_by_reason: Object.fromEntries(GUEST_REASONS.map((reason) => [reason, 2])),
      unknown: 0,
      broker_reachable: true,
      duration_ms: expect.any(Number),
      unreachable_guests_omitted: 0,
      malformed_ids: [],
      duplicate_ids: [],
    });
    const { p50 = 0, p90 = 0, p99 = 0, max = 0 } = summary.round_trip_ms ?? {};
    expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].toSorted((a, b) => a - b));
    expect(p50).toBeGreaterThan(0);
    expect(log.filter(({ message }) => message === 'health_check')).toMatchObject([
      { outcome: 'unreachable', ...summary },
    ]);
  });

  test("the metrics of a sweep have the fleet, each reason, and round trips within EMF's limit of 100", () => {
    const { metrics } = seen;
    expect(metrics).toContainEqual(
      expect.objectContaining({
        service: 'health-check',
        BrokerReachable: 1,
        SweepComplete: 1,
        GuestsChecked: 162,
        GuestsReachable: 150,
        GuestsUnreachable: 12,
        GuestsUnknown: 0,
        SweepDuration: expect.any(Number),
      }),
    );
    for (const reason of GUEST_REASONS) {
      expect(metrics).toContainEqual(
        expect.objectContaining({ service: 'health-check', Reason: reason, GuestsUnreachable: 2 }),
      );
    }
    const trips = metrics.filter((entry) => 'RoundTripTime' in entry);
    expect(trips).toHaveLength(1);
    const values = Object.values(trips[0]?.['RoundTripTime'] ?? []);
    expect(values.length).toBeLessThanOrEqual(100);
    expect(values.length).toBeGreaterThan(90);
  });

  test('a sweep of a fleet without guests is complete, and an error', async () => {
    await using empty = new AsyncDisposableStack();
    const other = empty.adopt(await TestBroker.create(), (made) => made.delete());
    const lone = empty.use(
      await HealthCheckUnderTest.start({ BROKER_URL: other.url, BROKER_MANAGEMENT_URL: other.managementUrl }),
    );
    const { summary } = await lone.sweep();
    expect(summary).toMatchObject({ checked: 0, unknown: 0, broker_reachable: true, round_trip_ms: null });
    expect(summary.error?.code).toBe('fleet_empty');
  });

  test('a hundred unreachable guests are in the summary and have a log line each, and the ids of all others are logged by reason', async () => {
    const instanceIds = Array.from({ length: 2200 }, () => randomUUID());
    const failed = [...fleet.guests].filter(([, reason]) => reason === 'guest_error').map(([id]) => id);
    const { summary, reasons, log } = await check.sweep({ instance_ids: [...failed, ...instanceIds] });
    expect(summary.unreachable_guests).toHaveLength(100);
    expect(summary).toMatchObject({ unreachable: 2202, unreachable_guests_omitted: 2102 });
    expect([...reasons.keys()].toSorted()).toEqual([...failed, ...instanceIds].toSorted());
    const lines = log.filter(({ message }) => message === 'guest_unreachable');
    expect(lines.map((line) => line['instance_id'])).toEqual(
      summary.unreachable_guests.map((guest) => guest.instance_id),
    );
    const others = log.filter(({ message }) => message === 'more_unreachable');
    expect(others.map(({ reason, guests }) => [reason, guests])).toEqual([
      ['queue_missing', 1000],
      ['queue_missing', 1000],
      ['queue_missing', 100],
      ['guest_error', 2],
    ]);
    for (const line of others) expect(JSON.stringify(line).length).toBeLessThan(256_000 / 4);
  });
});

describe('a sweep', () => {
  test('a second sweep uses the reply queue of the first', async () => {
    const before = await broker.list('queues');
    await check.sweep({ instance_ids: alive });
    const after = await broker.list('queues');
    const replyQueues = (queues: { name: string }[]) =>
      queues.map(({ name }) => name).filter((name) => name.startsWith('reply_'));
    expect(replyQueues(after)).toHaveLength(1);
    expect(replyQueues(after)).toEqual(replyQueues(before));
  });

  test('a misconfigured sweep throws an error that names the setting, and logs it', async () => {
    await using wrong = await HealthCheckUnderTest.start({ BROKER_URL: 'http://broker' });
    await expect(wrong.lambda.invoke({})).rejects.toThrow('BROKER_URL is not an amqp:// or amqps:// URL');
    await eventually(
      async () => wrong.output,
      (output) => output.includes('"outcome":"error"'),
    );
  });

  test.each(['http://broker.example:15672', 'https://user:pw@broker.example', 'broker.example'])(
    'a sweep refuses BROKER_MANAGEMENT_URL %s, which is in the clear, has credentials, or is no URL',
    async (url) => {
      const settings = { BROKER_URL: 'amqps://u:p@broker.example', BROKER_MANAGEMENT_URL: url };
      await using wrong = await HealthCheckUnderTest.start(settings);
      await expect(wrong.lambda.invoke({})).rejects.toThrow('BROKER_MANAGEMENT_URL');
    },
  );
});

test('a guest whose key in the file is no text is unknown, and all others have their verdict', async () => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.adopt(new TemporaryFolder('keys'), (made) => made.remove());
  const [one = '', two = '', three = ''] = alive;
  const file = folder.file('keys.json');
  await writeFile(file, `\ufeff${JSON.stringify({ [one]: 'a key', [two]: 7 })}`); // with a byte order mark
  await using keyed = await HealthCheckUnderTest.start({ BROKER_URL: broker.url, GUEST_KEYS_FILE: file });
  const { summary } = await keyed.sweep({ instance_ids: [one, two, three] });
  const error = {
    code: 'key_unreadable',
    message: expect.stringContaining(`a key for ${two} that is not text`),
  };
  expect(summary).toMatchObject({ reachable: 2, guests_unencrypted: 1, unknown: 1, error });
});

describe('Secrets Manager', () => {
  /** Secrets by their names; any other name is answered AccessDeniedException. */
  let secrets: Record<string, string>;
  let aws: AwsStandIn;
  beforeAll(async () => {
    aws = await AwsStandIn.start(({ body }) => {
      const secret = secrets[JSON.parse(body).SecretId];
      if (secret === undefined) return { status: 400, body: { __type: 'AccessDeniedException' } };
      return { body: { SecretString: secret } };
    });
  });
  afterAll(() => aws.close());

  test('a guest whose key cannot be read is unknown, and all others have their verdict', async () => {
    const [one = '', two = '', three = ''] = alive;
    secrets = { [`keys/${one}`]: 'a key', [`keys/${three}`]: 'a key' };
    await using keyed = await HealthCheckUnderTest.start({
      BROKER_URL: broker.url,
      GUEST_KEY_SECRET_PREFIX: 'keys/',
      ...aws.settings,
    });
    const { summary, log, metrics } = await keyed.sweep({ instance_ids: [one, two, three] });
    expect(summary).toMatchObject({
      checked: 2,
      reachable: 2, // guests in the clear, which answer an encrypted ping too
      guests_unencrypted: 2,
      unknown: 1,
      broker_reachable: true,
      error: {
        code: 'key_unreadable',
        message: `The secret keys/${two} cannot be read: AccessDeniedException`,
      },
    });
    expect(metrics).toContainEqual(
      expect.objectContaining({ GuestsUnknown: 1, GuestsUnencrypted: 2, SweepComplete: 0 }),
    );
    expect(log.filter(({ message }) => message === 'guests_unencrypted')).toMatchObject([
      { guests: 2, instance_ids: expect.stringContaining(three) },
    ]);
    expect(keyed.output).not.toContain('a key');
  });

  test('a rotated login is read again when the management API refuses the old one', async () => {
    const user = new URL(await broker.user(GRANTED)).username;
    const set = async (password: string) => {
      await broker.request('PUT', `users/${user}`, { password, tags: 'management' });
      secrets = { broker: JSON.stringify({ username: user, password }) };
    };
    await set('hunter1');
    await using rotated = await HealthCheckUnderTest.start({
      BROKER_ENDPOINT: `amqp://${new URL(broker.url).host}`,
      BROKER_VHOST: broker.vhost,
      BROKER_SECRET_ID: 'broker',
      BROKER_MANAGEMENT_URL: broker.managementUrl,
      RPC_TIMEOUT_SECONDS: '2',
      ...aws.settings,
    });
    expect((await rotated.sweep()).summary).toMatchObject({ reachable: 150, guests_from: 'bindings' });
    await set('hunter2'); // RabbitMQ lets the connection live on
    expect((await rotated.sweep()).summary).toMatchObject({ reachable: 150, guests_from: 'bindings' });
    expect(rotated.output).not.toMatch(/hunter/);
  });
});
