import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { eventually } from '../setup/eventually.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { GUEST_QUEUES } from '../setup/guest-queues.ts';
import { TestBroker } from '../setup/test-broker.ts';

/** Runs where Debian's packages of Trove can be installed; where they cannot, the global setup prints a warning. */
const interop = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

interop.each([
  { controlExchange: 'trove', queues: GUEST_QUEUES },
  { controlExchange: 'openstack', queues: 'durable' },
] as const)('with real Trove guests, control exchange $controlExchange, $queues queues', (options) => {
  let broker: TestBroker;
  let guests: TroveGuests;
  let fn: FunctionUnderTest;

  beforeAll(async () => {
    broker = await TestBroker.create();
    const host = await TroveGuests.host({ brokerUrl: broker.url, ...options });
    if (!host) throw new Error('No Trove guests here');
    guests = host;
    await guests.start(randomUUID());
    fn = await FunctionUnderTest.start({
      BROKER_URL: broker.url,
      CONTROL_EXCHANGE: options.controlExchange,
      RPC_TIMEOUT_SECONDS: '2',
    });
  });
  afterAll(async () => {
    await fn.end();
    await guests.end();
    await broker.delete();
  });

  async function guest(behaviour: Parameters<TroveGuests['start']>[1] = {}): Promise<string> {
    const id = randomUUID();
    await guests.start(id, behaviour);
    return id;
  }

  function timeoutBody(id: string): string {
    return (
      '{"badRequest": {"message": "An error occurred communicating with the guest: Timeout while waiting on RPC ' +
      `response - topic: \\"guestagent.${id}\\", RPC method: \\"rpc_ping\\" info: \\"<unknown>\\".", "code": 400}}`
    );
  }

  test.each([
    ['builtin', 'boom builtin'],
    ['foreign', 'boom docker'],
  ] as const)(
    'a guest that raises a %s exception is answered 400 with its message, and its traceback is logged',
    async (raise, words) => {
      const id = await guest({ raise });
      const body = `{"badRequest": {"message": "An error occurred communicating with the guest: ${words}.", "code": 400}}`;
      expect(await fn.ping(id)).toMatchObject({ status: 400, body });
      const { log } = await fn.telemetry(id);
      expect(log).toMatchObject([{ reason: 'guest_error', traceback: expect.stringContaining('Traceback') }]);
    },
  );

  test("a stopped guest is answered 400 with Trove's time-out text, and 204 when it is back", async () => {
    const id = await guest();
    await guests.stop(id);
    expect(await fn.ping(id)).toMatchObject({ status: 400, body: timeoutBody(id) });
    await guests.start(id);
    expect(await fn.ping(id)).toMatchObject({ status: 204 });
  });

  test('a guest that never existed is answered 400 with its id', async () => {
    const id = randomUUID();
    const { status, body } = await fn.ping(id);
    expect([status, body]).toEqual([400, expect.stringContaining(`No queue is bound for the guest`)]);
    expect(body).toContain(id);
  });

  test('a guest that replies after the deadline is answered 400, and can deliver its late reply', async () => {
    const slow = await guest({ delay: 2.5 });
    expect(await fn.ping(slow)).toMatchObject({ status: 400, body: timeoutBody(slow) });
    const { log } = await fn.telemetry(slow);
    const replied = `sending reply msg_id`;
    const before = guests.log.length;
    await eventually(
      async () => guests.log.slice(before),
      (text) => text.includes(replied),
    );
    expect(await fn.ping(await guest())).toMatchObject({ status: 204 });
    expect(guests.log).not.toContain('could not be sent due to a missing queue');
    expect(log).toMatchObject([{ reason: 'no_reply' }]);
  });

  test('a live guest is answered 204, and receives the tenant and the request id that the log has', async () => {
    const id = await guest();
    expect(await fn.ping(id, 'acme')).toMatchObject({ status: 204, body: '' });
    const { log } = await fn.telemetry(id);
    const pinged = `Pinged for project acme, request ${log[0]?.['request_id']}`;
    await eventually(
      async () => guests.log,
      (text) => text.includes(pinged),
    );
  });
});
