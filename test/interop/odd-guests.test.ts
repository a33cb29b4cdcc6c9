import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { type GuestHostOptions, TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { eventually } from '../setup/eventually.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { GUEST_QUEUES } from '../setup/guest-queues.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { TestBroker } from '../setup/test-broker.ts';

const interop = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

interop('a real Trove guest', () => {
  let broker: TestBroker;
  let guests: TroveGuests;
  let compressed: TroveGuests;
  let fn: FunctionUnderTest;
  let check: HealthCheckUnderTest;
  let settings: Record<string, string>;
  const stack = new AsyncDisposableStack();
  const alive = randomUUID();

  beforeAll(async () => {
    broker = await TestBroker.create();
    [guests, compressed] = await Promise.all([
      host(),
      host({ rabbitOptions: { kombu_compression: 'gzip' } }),
    ]);
    await guests.start(alive);
    settings = {
      BROKER_URL: broker.url,
      BROKER_MANAGEMENT_URL: broker.managementUrl,
      RPC_TIMEOUT_SECONDS: '3',
    };
    fn = stack.use(await FunctionUnderTest.start(settings));
    check = stack.use(await HealthCheckUnderTest.start(settings));
  }, 120_000);
  afterAll(async () => {
    await stack.disposeAsync();
    await broker.delete();
  });

  async function host(options: Partial<GuestHostOptions> = {}): Promise<TroveGuests> {
    const made = await TroveGuests.host({ brokerUrl: broker.url, queues: GUEST_QUEUES, ...options });
    if (!made) throw new Error('No Trove guests here');
    return stack.adopt(made, (guest) => guest.end());
  }

  /** The status and the reason of three pings at once of the odd guest and a live one, and the odd guest's in a sweep. */
  async function verdictsOn(odd: string) {
    const [first, second, beside] = await Promise.all([odd, odd, alive].map((id) => fn.ping(id)));
    expect([first?.status, beside?.status]).toEqual([second?.status, 204]);
    const { summary, reasons } = await check.sweep({ instance_ids: [alive, odd] });
    expect(summary).toMatchObject({ checked: 2, reachable: first?.status === 204 ? 2 : 1 });
    const [, reason] = /details="(\w+)"/.exec(first?.headers.get('proxy-status') ?? '') ?? [];
    expect(reasons.get(odd)).toBe(reason);
    return { status: first?.status, reason, body: first?.body };
  }

  test('that compresses its replies is reached, or has its exception told', async () => {
    const [answers, raises] = [randomUUID(), randomUUID()];
    await compressed.start(answers);
    await compressed.start(raises, { raise: 'builtin' });
    expect(await verdictsOn(answers)).toMatchObject({ status: 204 });
    expect(await verdictsOn(raises)).toMatchObject({
      reason: 'guest_error',
      body: expect.stringContaining('boom builtin'),
    });
  });

  test.each([
    ['wordless', 'NotImplementedError'],
    ['not a number', 'boom nan'],
  ] as const)(
    'that raises an exception, %s, is guest_error with what there is to tell',
    async (raise, told) => {
      const id = randomUUID();
      await guests.start(id, { raise });
      expect(await verdictsOn(id)).toMatchObject({
        reason: 'guest_error',
        body: expect.stringContaining(told),
      });
    },
  );

  test('whose compression kombu does not know runs the ping and cannot answer: no_reply', async () => {
    const mute = await host({ rabbitOptions: { kombu_compression: 'bz2' } });
    const id = randomUUID();
    await mute.start(id);
    expect(await verdictsOn(id)).toMatchObject({ reason: 'no_reply' });
    expect(mute.log).toContain(`Pinged for project`);
  });

  test('that has the id of another one, which hangs, is reached each time, and the log tells of two consumers', async () => {
    const id = randomUUID();
    await guests.start(id);
    await compressed.start(id, { delay: 3600 });
    for (let times = 0; times < 4; times++) expect(await fn.ping(id)).toMatchObject({ status: 204 });
    await eventually(
      () => fn.telemetry(id),
      ({ log }) => log.some(({ outcome, consumers }) => outcome === 'reachable' && consumers === 2),
    );
    const sweeps = [];
    for (let times = 0; times < 4; times++) sweeps.push((await check.sweep({ instance_ids: [id] })).summary);
    expect(sweeps).toMatchObject(Array(4).fill({ reachable: 1 }));
    expect(sweeps).toContainEqual(expect.objectContaining({ guests_with_several_consumers: 1 }));
  });

  test('that has the id of another one, with another key, is answered by either, and a mismatch tells of two agents', async () => {
    const id = randomUUID();
    const [key, oldKey] = ['a'.repeat(32), 'b'.repeat(32)];
    await guests.start(id, { key });
    await compressed.start(id, { key: oldKey });
    const folder = stack.adopt(new TemporaryFolder('keys'), (made) => made.remove());
    await writeFile(folder.file('keys.json'), JSON.stringify({ [id]: key }));
    const keyed = { ...settings, GUEST_KEYS_FILE: folder.file('keys.json') };
    await using under = await FunctionUnderTest.start(keyed);
    const answers = [await under.ping(id), await under.ping(id)].map(({ status, body }) => status + body);
    expect(answers.toSorted()).toEqual([
      '204',
      expect.stringContaining('known for it, 2 agents consume the queue'),
    ]);
  });

  test('without a queue is queue_missing, also where a queue takes all messages', async () => {
    const channel = await broker.channel();
    await channel.assertQueue('audit', { durable: true });
    await channel.bindQueue('audit', 'trove', '#');
    expect(await verdictsOn(randomUUID())).toMatchObject({ reason: 'queue_missing' });
    await channel.deleteQueue('audit');
  });

  test('on another exchange has a queue that is consumed and not bound; of all guests that is one fact', async () => {
    await (await broker.channel()).assertExchange('openstack', 'topic');
    const astray = { ...settings, CONTROL_EXCHANGE: 'openstack' };
    await using under = await FunctionUnderTest.start(astray);
    const { headers, body } = await under.ping(alive);
    expect(headers.get('proxy-status')).toContain('details="queue_missing"');
    expect(body).toContain('exists, is consumed, and is not bound to the exchange \\"openstack\\"');
    await using sweeps = await HealthCheckUnderTest.start(astray);
    const { summary } = await sweeps.sweep();
    expect(summary).toMatchObject({ unreachable: 0, error: { code: 'queue_missing' } });
  });
});
