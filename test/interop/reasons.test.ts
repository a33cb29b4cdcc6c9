import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
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
  });
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
    /** The key that the function has for the guest. */
    readonly ourKey?: string;
  }

  async function guest({ behaviour = {}, ourKey }: GuestOptions = {}): Promise<string> {
    const id = randomUUID();
    if (ourKey !== undefined) keys[id] = ourKey;
    await saveKeys();
    await guests.start(id, behaviour);
    return id;
  }

  /** Checks reason and error in the answer, the log and the metrics. @returns the log line */
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

  describe('reasons', () => {
    test('a ping without a broker says broker_unreachable, and why: port, name or TLS', async () => {
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

    test('a ping with a wrong password says broker_refused', async () => {
      const id = randomUUID();
      await using refused = await start({ BROKER_URL: url.replace(PASSWORD, `${PASSWORD}-wrong`) });
      await expectReason(refused, id, await refused.ping(id), 'broker_refused', 'proxy_configuration_error');
    });

    test('a ping with a wrong control exchange says exchange_missing', async () => {
      const id = randomUUID();
      await using astray = await start({ BROKER_URL: broker.url, CONTROL_EXCHANGE: 'nova' });
      await expectReason(astray, id, await astray.ping(id), 'exchange_missing', 'proxy_configuration_error');
    });

    test('a ping of a guest that never registered says queue_missing', async () => {
      const id = randomUUID();
      await expectReason(fn, id, await fn.ping(id), 'queue_missing', 'destination_not_found');
    });

    test('a ping of a guest that is shut down says no_consumer, and how many messages wait', async () => {
      const id = await guest();
      await guests.stop(id);
      const answer = await fn.ping(id);
      expect(answer.body).toContain('Timeout while waiting on RPC response');
      const line = await expectReason(fn, id, answer, 'no_consumer', 'destination_unavailable');
      expect(line).toMatchObject({ waiting_messages: 1 }); // the ping, which is not sent twice where nobody consumes
    });

    test('a ping of a guest that hangs says no_reply', async () => {
      const id = await guest({ behaviour: { delay: 3600 } });
      const line = await expectReason(fn, id, await fn.ping(id), 'no_reply', 'http_response_timeout');
      expect(line).toMatchObject({ waiting_messages: 0 });
    });

    test('a ping of a guest that is shut down says no_reply when the broker forbids to ask for consumers', async () => {
      const id = await guest();
      await guests.stop(id);
      const blind = await broker.user({ configure: '^reply_.*', read: '^reply_.*', write: '^trove$' });
      await using under = await start({ BROKER_URL: blind });
      const answer = await under.ping(id);
      expect(answer.status).toBe(400);
      // RabbitMQ before 4.2.7 answers that question to any user.
      expect(answer.headers.get('proxy-status')).toMatch(/details="(no_reply|no_consumer)"/);
    });

    test('a ping of a guest that raises an exception says guest_error, with the round trip', async () => {
      const id = await guest({ behaviour: { raise: 'foreign' } });
      const answer = await fn.ping(id);
      await expectReason(fn, id, answer, 'guest_error', 'http_response_incomplete');
      expect(answer.headers.get('server-timing')).toMatch(/, rpc;dur=\d+\.\d;desc="guest_error"$/);
      expect(answer.body + JSON.stringify([...answer.headers])).not.toContain('Traceback');
    });

    test('a ping of a guest that answers nonsense says bad_reply', async () => {
      const id = await guest({ behaviour: { answer: 'nonsense' } });
      await expectReason(fn, id, await fn.ping(id), 'bad_reply', 'http_protocol_error');
    });

    test.each([
      ['no key', undefined, KEY],
      ['another key', OTHER_KEY, KEY],
    ])('a ping with %s of a guest that encrypts says key_mismatch', async (_what, ourKey, key) => {
      const id = await guest({ behaviour: { key }, ...(ourKey && { ourKey }) });
      const answer = await fn.ping(id);
      await expectReason(fn, id, answer, 'key_mismatch', 'http_protocol_error');
      expect(answer.headers.get('server-timing')).toMatch(/, rpc;dur=\d+\.\d;desc="key_mismatch"$/);
    });
  });

  describe('pongs', () => {
    test.each([
      ['that encrypts', KEY, KEY],
      ['in the clear for which there is a key', KEY, null],
      ['in the clear', undefined, null],
    ])('a guest %s is answered 204 with the round trip', async (_what, ourKey, key) => {
      const id = await guest({ behaviour: { key }, ...(ourKey && { ourKey }) });
      const answer = await fn.ping(id);
      expect(answer).toMatchObject({ status: 204, body: '' });
      expect(answer.headers.get('server-timing')).toMatch(/, rpc;dur=\d+\.\d$/);
      expect(answer.headers.get('proxy-status')).toBeNull();
    });

    test('a guest is reached when its agent comes back within the grace', async () => {
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

  describe('the header Prefer', () => {
    test('a shorter wait in Prefer is applied, and Preference-Applied says so', async () => {
      const id = await guest({ behaviour: { delay: 3600 } });
      const answer = await fn.ping(id, 'tenant', { Prefer: 'wait=1' });
      await expectReason(fn, id, answer, 'no_reply', 'http_response_timeout');
      expect(answer.headers.get('preference-applied')).toBe('wait=1');
    });

    test('a longer wait in Prefer than the configured one is cut to that', async () => {
      const answer = await fn.ping(await guest(), 'tenant', { Prefer: 'respond-async, wait=600' });
      expect(answer.status).toBe(204);
      expect(answer.headers.get('preference-applied')).toBe('wait=2');
    });

    test('a malformed Prefer is ignored, without Preference-Applied', async () => {
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

    test('a key that Secrets Manager fails to return is answered 500, and is looked up again', async () => {
      await using under = await startWithSecrets();
      const id = await guest();
      secrets[`guest-keys/${id}`] = { status: 400, body: { __type: 'ThrottlingException' } };
      const { status, body } = await under.ping(id);
      const message = `The secret guest-keys/${id} cannot be read: ThrottlingException`;
      expect([status, body]).toEqual([500, `{"instanceFault": {"message": "${message}", "code": 500}}`]);
      delete secrets[`guest-keys/${id}`];
      expect(await under.ping(id)).toMatchObject({ status: 204 });
    });

    test('a key in Secrets Manager is looked up once, and so is a missing one', async () => {
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

    test('a key that does not fit is read again once for each ping, and a new one is used', async () => {
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

  test('no key, password or credential is in any answer, header, metric or log line, at log level TRACE', () => {
    const all = [...outputs, fn.output].join('\n');
    expect(all).toContain('key_mismatch');
    for (const secret of [KEY, OTHER_KEY, PASSWORD, 'wJalrXUtnFEMI', 'AKIDEXAMPLE']) {
      expect(all).not.toContain(secret);
    }
  });
});
