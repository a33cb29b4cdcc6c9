import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../../infra/local/child.ts';
import { TroveGuests } from '../../infra/local/trove-guests.ts';
import { type AwsAnswer, AwsStandIn } from '../setup/aws-stand-in.ts';
import { eventually } from '../setup/eventually.ts';
import { type Answer, FunctionUnderTest } from '../setup/function-under-test.ts';
import { GUEST_QUEUES } from '../setup/guest-queues.ts';
import { TestBroker } from '../setup/test-broker.ts';

const interop = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

const KEY = 'eng6Uejoh8Quo0ohkaiF3Zeib7Shae4d';
const OTHER_KEY = 'Ahx4ohTh5eeLae7Aequ0iePhahsh3Ohn';
const PASSWORD = 'hunter2-of-the-broker';

interop('with real Trove guests', () => {
  let broker: TestBroker;
  let guests: TroveGuests;
  let folder: string;
  let url: string;
  let fn: FunctionUnderTest;
  const keys: Record<string, string> = {};
  const outputs: string[] = [];

  beforeAll(async () => {
    broker = await TestBroker.create();
    const host = await TroveGuests.host({ brokerUrl: broker.url, queues: GUEST_QUEUES });
    if (!host) throw new Error('No Trove guests here');
    guests = host;
    await guests.start(randomUUID());
    folder = await mkdtemp(join(tmpdir(), 'guest-rpc-ping-keys-'));
    url = await broker.user({
      configure: '^reply_.*',
      read: '^reply_.*',
      write: '^(trove|guestagent\\..*)$',
    });
    await broker.request('PUT', `users/${new URL(url).username}`, { password: PASSWORD, tags: '' });
    url = url.replace(':pw@', `:${PASSWORD}@`);
    await saveKeys();
    fn = await start();
  }, 60_000);
  afterAll(async () => {
    await fn.end();
    await guests.end();
    await broker.delete();
    await rm(folder, { recursive: true });
  });

  async function saveKeys(): Promise<void> {
    await writeFile(join(folder, 'keys.json'), JSON.stringify(keys));
  }

  function start(settings: Record<string, string> = {}): Promise<FunctionUnderTest> {
    return FunctionUnderTest.start({
      BROKER_URL: url,
      RPC_TIMEOUT_SECONDS: '2',
      GUEST_KEYS_FILE: join(folder, 'keys.json'),
      AWS_LAMBDA_LOG_LEVEL: 'TRACE',
      ...settings,
    });
  }

  interface GuestOptions {
    readonly behaviour?: Parameters<TroveGuests['start']>[1];
    /** The key that we know for it. */
    readonly ourKey?: string;
  }

  async function guest({ behaviour = {}, ourKey }: GuestOptions = {}): Promise<string> {
    const id = randomUUID();
    if (ourKey !== undefined) keys[id] = ourKey;
    await saveKeys();
    await guests.start(id, behaviour);
    return id;
  }

  /** Checks all that an answer and its telemetry say of why. */
  async function expectReason(
    under: FunctionUnderTest,
    id: string,
    answer: Answer,
    reason: string,
    error: string,
  ) {
    expect(answer.status).toBe(400);
    expect(Object.keys(JSON.parse(answer.body))).toEqual(['badRequest']);
    expect(Object.keys(JSON.parse(answer.body).badRequest)).toEqual(['message', 'code']);
    expect(answer.headers.get('proxy-status')).toBe(`guest-rpc-ping; error=${error}; details="${reason}"`);
    const { log, metrics } = await under.telemetry(id);
    expect(log.at(-1)).toMatchObject({ reason, means: expect.any(String), todo: expect.any(String) });
    expect(metrics.at(-1)).toMatchObject({ Reason: reason, GuestsUnreachable: 1 });
    outputs.push(under.output, answer.body, JSON.stringify([...answer.headers]));
    return log.at(-1) ?? {};
  }

  describe('a ping says why there is no pong', () => {
    test('broker_unreachable, and how', async () => {
      const [id, port] = [randomUUID(), await freePort()];
      for (const [BROKER_URL, error] of [
        [`amqp://u:${PASSWORD}@127.0.0.1:${port}`, 'connection_refused'],
        [`amqp://u:${PASSWORD}@broker.invalid`, 'dns_error'],
        [url.replace('amqp:', 'amqps:'), 'tls_protocol_error'],
      ] as const) {
        await using lost = await start({ BROKER_URL });
        await expectReason(lost, id, await lost.ping(id), 'broker_unreachable', error);
      }
    });

    test('broker_refused', async () => {
      const id = randomUUID();
      await using refused = await start({ BROKER_URL: url.replace(PASSWORD, `${PASSWORD}-wrong`) });
      await expectReason(refused, id, await refused.ping(id), 'broker_refused', 'proxy_configuration_error');
    });

    test('exchange_missing', async () => {
      const id = randomUUID();
      await using astray = await start({ BROKER_URL: broker.url, CONTROL_EXCHANGE: 'nova' });
      await expectReason(astray, id, await astray.ping(id), 'exchange_missing', 'proxy_configuration_error');
    });

    test('queue_missing', async () => {
      const id = randomUUID();
      await expectReason(fn, id, await fn.ping(id), 'queue_missing', 'destination_not_found');
    });

    test('no_consumer, after the grace, with the messages that wait', async () => {
      const id = await guest();
      await guests.stop(id);
      const answer = await fn.ping(id);
      expect(answer.body).toContain('Timeout while waiting on RPC response');
      const line = await expectReason(fn, id, answer, 'no_consumer', 'destination_unavailable');
      expect(line).toMatchObject({ waiting_messages: 1 });
    });

    test('no_reply, when the agent is connected but hangs', async () => {
      const id = await guest({ behaviour: { delay: 3600 } });
      const line = await expectReason(fn, id, await fn.ping(id), 'no_reply', 'http_response_timeout');
      expect(line).toMatchObject({ waiting_messages: 0 });
    });

    test('no_reply, when we may not ask who listens', async () => {
      const id = await guest();
      await guests.stop(id);
      const blind = await broker.user({ configure: '^reply_.*', read: '^reply_.*', write: '^trove$' });
      await using under = await start({ BROKER_URL: blind });
      const answer = await under.ping(id);
      expect(answer.status).toBe(400);
      // RabbitMQ before 4.2.7 lets any user ask.
      expect(answer.headers.get('proxy-status')).toMatch(/details="(no_reply|no_consumer)"/);
    });

    test('guest_error, with how long the answer took', async () => {
      const id = await guest({ behaviour: { raise: 'foreign' } });
      const answer = await fn.ping(id);
      await expectReason(fn, id, answer, 'guest_error', 'http_response_incomplete');
      expect(answer.headers.get('server-timing')).toMatch(/^rpc;dur=\d+\.\d$/);
      expect(answer.body + JSON.stringify([...answer.headers])).not.toContain('Traceback');
    });

    test('bad_reply', async () => {
      const id = await guest({ behaviour: { answer: 'nonsense' } });
      await expectReason(fn, id, await fn.ping(id), 'bad_reply', 'http_protocol_error');
    });

    test.each([
      ['we have no key, the guest has one', undefined, KEY],
      ['we have another key than the guest', OTHER_KEY, KEY],
    ])('key_mismatch, when %s', async (_what, ourKey, key) => {
      const id = await guest({ behaviour: { key }, ...(ourKey && { ourKey }) });
      const answer = await fn.ping(id);
      await expectReason(fn, id, answer, 'key_mismatch', 'http_protocol_error');
      expect(answer.headers.get('server-timing')).toMatch(/^rpc;dur=/);
    });
  });

  describe('a guest is reached', () => {
    test.each([
      ['encrypted, with its key', KEY, KEY],
      ['in the clear, though we have a key', KEY, null],
      ['in the clear', undefined, null],
    ])('%s', async (_what, ourKey, key) => {
      const id = await guest({ behaviour: { key }, ...(ourKey && { ourKey }) });
      const answer = await fn.ping(id);
      expect(answer).toMatchObject({ status: 204, body: '' });
      expect(answer.headers.get('server-timing')).toMatch(/^rpc;dur=\d+\.\d$/);
      expect(answer.headers.get('proxy-status')).toBeNull();
    });

    test('when its agent comes back within the grace', async () => {
      const id = await guest();
      await guests.stop(id);
      await using patient = await start({ NO_CONSUMER_GRACE_SECONDS: '10', RPC_TIMEOUT_SECONDS: '15' });
      const answer = patient.ping(id);
      const queue = `guestagent.${id}`;
      const channel = await broker.channel();
      await eventually(
        () => channel.checkQueue(queue),
        ({ messageCount }) => messageCount === 1,
      );
      await guests.start(id);
      expect(await answer).toMatchObject({ status: 204 });
    });
  });

  describe('a caller that asks for a shorter wait by Prefer', () => {
    test('is answered sooner, and told so', async () => {
      const id = await guest({ behaviour: { delay: 3600 } });
      const answer = await fn.ping(id, 'tenant', { Prefer: 'wait=1' });
      await expectReason(fn, id, answer, 'no_reply', 'http_response_timeout');
      expect(answer.headers.get('preference-applied')).toBe('wait=1');
    });

    test('does not get a longer one than is configured', async () => {
      const answer = await fn.ping(await guest(), 'tenant', { Prefer: 'respond-async, wait=600' });
      expect(answer.status).toBe(204);
      expect(answer.headers.get('preference-applied')).toBe('wait=2');
    });

    test('in vain is not told anything', async () => {
      const answer = await fn.ping(await guest(), 'tenant', { Prefer: 'wait=soon' });
      expect(answer.status).toBe(204);
      expect(answer.headers.get('preference-applied')).toBeNull();
    });
  });

  describe('keys in Secrets Manager', () => {
    let aws: AwsStandIn;
    let secrets: Record<string, AwsAnswer>;
    const NOT_FOUND: AwsAnswer = { status: 400, body: { __type: 'ResourceNotFoundException' } };

    beforeAll(async () => {
      aws = await AwsStandIn.start(({ body }) => secrets[JSON.parse(body).SecretId] ?? NOT_FOUND);
    });
    afterAll(() => aws.close());

    function startWithSecrets(): Promise<FunctionUnderTest> {
      secrets = {};
      aws.requests.length = 0;
      return start({ GUEST_KEYS_FILE: '', GUEST_KEY_SECRET_PREFIX: 'guest-keys/', ...aws.settings });
    }

    function holdKey(id: string, key: string): void {
      secrets[`guest-keys/${id}`] = { body: { SecretString: key } };
    }

    test('that cannot be looked up are a fault of ours, never "no key"', async () => {
      await using under = await startWithSecrets();
      const id = await guest();
      secrets[`guest-keys/${id}`] = { status: 400, body: { __type: 'ThrottlingException' } };
      const { status, body } = await under.ping(id);
      const message = `The secret guest-keys/${id} cannot be read: ThrottlingException`;
      expect([status, body]).toEqual([500, `{"instanceFault": {"message": "${message}", "code": 500}}`]);
      delete secrets[`guest-keys/${id}`];
      expect(await under.ping(id)).toMatchObject({ status: 204 });
    });

    test('are looked up once, and absent ones are not looked up for each ping', async () => {
      await using under = await startWithSecrets();
      const [encrypted, plain] = [await guest({ behaviour: { key: KEY } }), await guest()];
      holdKey(encrypted, KEY);
      for (let time = 0; time < 3; time++) {
        expect(await under.ping(encrypted)).toMatchObject({ status: 204 });
        expect(await under.ping(plain)).toMatchObject({ status: 204 });
      }
      expect(aws.requests.length).toBe(2);
      outputs.push(under.output);
    });

    test('that do not fit are read again, once, and the ping is done with the new one', async () => {
      await using under = await startWithSecrets();
      const id = await guest({ behaviour: { key: KEY } });
      holdKey(id, OTHER_KEY);
      await expectReason(under, id, await under.ping(id), 'key_mismatch', 'http_protocol_error');
      expect(aws.requests.length).toBe(2);
      holdKey(id, KEY);
      expect(await under.ping(id)).toMatchObject({ status: 204 });
      expect(aws.requests.length).toBe(3);
      outputs.push(under.output);
    });
  });

  test('no key, password or credential is in any answer, header, metric or log line, at any log level', () => {
    const all = [...outputs, fn.output].join('\n');
    expect(all).toContain('key_mismatch');
    for (const secret of [KEY, OTHER_KEY, PASSWORD, 'wJalrXUtnFEMI', 'AKIDEXAMPLE']) {
      expect(all).not.toContain(secret);
    }
  });
});
