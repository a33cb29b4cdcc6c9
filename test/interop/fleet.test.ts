import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { eventually } from '../setup/eventually.ts';
import { GUEST_QUEUES } from '../setup/guest-queues.ts';
import { HealthCheckUnderTest, type SweepSeen } from '../setup/health-check-under-test.ts';
import { peakMemoryMb } from '../setup/peak-memory.ts';
import { type Behaviour, GUEST_REASONS, ResponderFleet } from '../setup/responder-fleet.ts';
import { TestBroker } from '../setup/test-broker.ts';

/** Runs where Debian's packages of Trove can be installed; where they cannot, the global setup prints a warning. */
const interop = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

const FLEET = 10_000;
const DEAD_EACH = 50;

interop('a fleet of ten thousand, a hundred of them real Trove guests', () => {
  let rabbit: RabbitMqServer;
  let broker: TestBroker;
  let guests: TroveGuests;
  let check: HealthCheckUnderTest;
  let seen: SweepSeen;
  const keyFolder = new TemporaryFolder('keys');
  /** The expected reason of each unreachable guest. */
  const dead = new Map<string, Behaviour>();
  const late = randomUUID();

  beforeAll(async () => {
    rabbit = await RabbitMqServer.start(); // of its own: another takes minutes to delete ten thousand queues
    broker = await TestBroker.create(rabbit);
    const host = await TroveGuests.host({ brokerUrl: broker.url, queues: GUEST_QUEUES });
    if (!host) throw new Error('No Trove guests here');
    guests = host;
    const keyFile = keyFolder.file('keys.json');
    const [keys] = await Promise.all([startTroveGuests(), startResponders()]);
    await writeFile(keyFile, JSON.stringify(keys));
    check = await HealthCheckUnderTest.start({
      BROKER_URL: broker.url,
      BROKER_MANAGEMENT_URL: broker.managementUrl,
      GUEST_KEYS_FILE: keyFile,
      RPC_TIMEOUT_SECONDS: '8',
    });
    seen = await check.sweep({}, 120_000);
  }, 300_000);
  afterAll(async () => {
    await check?.[Symbol.asyncDispose]();
    await guests?.end();
    await rabbit?.stop();
    await keyFolder.remove();
  });

  /** Starts a hundred guests, one for each reason that a real guest can give. @returns the health check's keys */
  async function startTroveGuests(): Promise<Record<string, string>> {
    const keys: Record<string, string> = {};
    for (let index = 0; index < 100; index++) {
      const id = index === 0 ? late : randomUUID();
      const key = index % 2 === 1 ? `key ${index}` : null;
      if (key !== null) keys[id] = key;
      if (id === late) dead.set(id, 'no_reply');
      if (index === 1) dead.set(id, 'key_mismatch');
      if (index === 2) dead.set(id, 'guest_error');
      if (index === 3) dead.set(id, 'no_consumer');
      if (index === 4) dead.set(id, 'bad_reply');
      await guests.start(id, {
        key: index === 1 ? 'another key' : key,
        ...(id === late && { delay: 10 }),
        ...(index === 2 && { raise: 'builtin' as const }),
        ...(index === 4 && { answer: 'nonsense' }),
      });
      if (index === 3) await guests.stop(id);
    }
    return keys;
  }

  /** Over a connection for each reason: RabbitMQ declares the queues of one connection one after the other. */
  async function startResponders(): Promise<void> {
    const reasons = GUEST_REASONS.filter((reason) => reason !== 'queue_missing'); // not bound, so not listed
    const start = async (reason: Behaviour) => {
      const fleet = new ResponderFleet(await broker.channel());
      for (const id of await fleet.add(reason, DEAD_EACH)) dead.set(id, reason);
      await fleet.add('reachable', (FLEET - 100) / reasons.length - DEAD_EACH);
    };
    await Promise.all(reasons.map(start));
  }

  async function list(what: string, columns: string): Promise<{ name: string }[]> {
    const path = what === 'queues' ? `queues/${broker.vhost}` : `vhosts/${broker.vhost}/${what}`;
    return (await broker.request('GET', `${path}?columns=${columns}`)) as { name: string }[];
  }

  function isOurs(connection: object): boolean {
    return JSON.stringify(connection).includes('-health-check');
  }

  test('a sweep of ten thousand guests gives each exactly one verdict, the right one', () => {
    expect(seen.reasons).toEqual(dead);
    expect(seen.log.filter(({ message }) => message === 'guest_unreachable')).toHaveLength(100);
    expect(seen.summary).toMatchObject({
      checked: FLEET,
      reachable: FLEET - dead.size,
      unreachable: dead.size,
      unknown: 0,
      guests_from: 'bindings',
    });
    expect(seen.summary).not.toHaveProperty('error');
  });

  test('a sweep of ten thousand guests takes one connection, one reply queue and less than 256 MB', async () => {
    const ours = await eventually(
      () => list('connections', 'name,client_properties'),
      (connections) => connections.filter(isOurs).length > 0,
    );
    expect(ours.filter(isOurs)).toHaveLength(1);
    const queues = await list('queues', 'name');
    expect(queues.filter(({ name }) => name.startsWith('reply_'))).toHaveLength(1);
    expect(peakMemoryMb(check.lambda.pid)).toBeLessThan(256);
  });

  test('a late reply to a sweep still finds the reply queue, so that no guest repeats it for a minute', async () => {
    await eventually(
      async () => guests.log,
      (log) => log.split('sending reply msg_id').length > 99, // all but the one that was shut down
    );
    expect(guests.log).not.toContain('could not be sent due to a missing queue');
  });
});
