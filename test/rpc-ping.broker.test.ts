import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AwsStandIn } from './setup/aws-stand-in.ts';
import { eventually } from './setup/eventually.ts';
import { FunctionUnderTest } from './setup/function-under-test.ts';
import { QUEUE_OPTIONS } from './setup/guest-queues.ts';
import { type ReceivedRequest, respond } from './setup/responder.ts';
import { TestBroker } from './setup/test-broker.ts';

const FRAME = 'An error occurred communicating with the guest: ';

let broker: TestBroker;
let fn: FunctionUnderTest;

beforeAll(async () => {
  broker = await TestBroker.create();
  await guest(() => undefined); // declares the control exchange
  fn = await FunctionUnderTest.start({ BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: '0.5' });
});
afterAll(async () => {
  await fn.end();
  await broker.delete();
});

/** A guest that treats each request as told; returns its instance id. */
async function guest(onRequest: (request: ReceivedRequest) => void): Promise<string> {
  const id = randomUUID();
  await respond(await broker.channel(), id, onRequest);
  return id;
}

function badRequest(cause: string): string {
  return `{"badRequest": {"message": ${JSON.stringify(`${FRAME}${cause}.`)}, "code": 400}}`;
}

describe.each(['2.0', '1.0'] as const)('behind an API of payload version %s', (version) => {
  let api: FunctionUnderTest;

  beforeAll(async () => {
    api = await FunctionUnderTest.start({ BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: '0.5' }, version);
  });
  afterAll(() => api.end());

  test.each([
    'cb620219-891e-5cf8-b46c-a6b4f3df40a', // a digit short
    'CB620219-891E-5CF8-B46C-A6B4F3DF40A6', // in upper case
    'not-a-uuid',
    '%22%3E%C3%A9',
  ])('the instance id %s is answered 404, naming it', async (id) => {
    const { status, headers, body } = await api.ping(id);
    const shown = decodeURIComponent(id).replace('"', '\\"').replace('é', '\\u00e9');
    expect(body).toBe(`{"itemNotFound": {"message": "Resource ${shown} cannot be found.", "code": 404}}`);
    expect(status).toBe(404);
    expect(headers.get('content-type')).toBe('application/json; charset=UTF-8');
  });

  test.each([
    ['GET', '/'],
    ['GET', '/v1.0/t/mgmt/instances/cb620219-891e-5cf8-b46c-a6b4f3df40a6'],
    ['GET', '/v1.0/t/mgmt/instances/cb620219-891e-5cf8-b46c-a6b4f3df40a6/rpc_ping/'],
    ['GET', '/v1.0//mgmt/instances/cb620219-891e-5cf8-b46c-a6b4f3df40a6/rpc_ping'],
    ['POST', '/v1.0/t/mgmt/instances/cb620219-891e-5cf8-b46c-a6b4f3df40a6/rpc_ping'],
    ['DELETE', '/v1.0/t/mgmt/instances/cb620219-891e-5cf8-b46c-a6b4f3df40a6/rpc_ping'],
  ])('%s %s is answered 404', async (method, path) => {
    const { status, headers, body } = await api.request(method, path);
    expect(body).toBe('{"itemNotFound": {"message": "The resource could not be found.", "code": 404}}');
    expect(status).toBe(404);
    expect(headers.get('content-type')).toBe('application/json; charset=UTF-8');
  });

  test('a caller may ask for a shorter wait', async () => {
    const id = await guest(() => undefined);
    await using long = await FunctionUnderTest.start({ BROKER_URL: broker.url }, version);
    const answer = await long.ping(id, 'tenant', { PREFER: 'wait=1' });
    expect([answer.status, answer.headers.get('preference-applied')]).toEqual([400, 'wait=1']);
  });

  test('a guest that answers is answered 204, without a body', async () => {
    const { status, headers, body } = await api.ping(await guest(({ reply }) => reply()));
    expect([status, body]).toEqual([204, '']);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('content-length')).toBe('0');
  });
});

describe('a guest that cannot be pinged is answered 400', () => {
  test('with the time-out text of the blueprint, when it does not reply', async () => {
    const id = await guest(() => undefined);
    const { status, headers, body } = await fn.ping(id);
    expect(body).toBe(
      `{"badRequest": {"message": "An error occurred communicating with the guest: Timeout while waiting on RPC ` +
        `response - topic: \\"guestagent.${id}\\", RPC method: \\"rpc_ping\\" info: \\"<unknown>\\".", "code": 400}}`,
    );
    expect(status).toBe(400);
    expect(headers.get('content-type')).toBe('application/json; charset=UTF-8');
  });

  test('as no_reply, when the broker does not tell who listens', async () => {
    const [id, channel] = [randomUUID(), await broker.channel()];
    await channel.assertQueue(`of-another-name-${id}`, QUEUE_OPTIONS);
    await channel.bindQueue(`of-another-name-${id}`, 'trove', `guestagent.${id}`);
    const { headers } = await fn.ping(id);
    expect(headers.get('proxy-status')).toContain('details="no_reply"');
    const { log } = await fn.telemetry(id);
    expect(log[0]).not.toHaveProperty('waiting_messages');
  });

  test('when it never registered', async () => {
    const id = randomUUID();
    const cause = `No queue is bound for the guest, it has never registered - topic: "guestagent.${id}", RPC method: "rpc_ping"`;
    expect(await fn.ping(id)).toMatchObject({ status: 400, body: badRequest(cause) });
  });

  test('with the words of its exception, and its traceback in the log alone', async () => {
    const failure = JSON.stringify({
      class: 'E',
      module: 'm',
      message: 'boom "é"',
      tb: ['Traceback: secret\n'],
    });
    const id = await guest(({ reply }) => reply({ result: null, failure }));
    const body = `{"badRequest": {"message": "${FRAME}boom \\"\\u00e9\\".", "code": 400}}`;
    expect(await fn.ping(id)).toMatchObject({ status: 400, body });
    const { log } = await fn.telemetry(id);
    expect(log).toMatchObject([{ reason: 'guest_error', traceback: 'Traceback: secret\n' }]);
  });

  test.each<[string, (request: ReceivedRequest) => void, string]>([
    ['is not true', ({ reply }) => reply({ result: 'yes' }), 'its result is not true'],
    ['is null', ({ reply }) => reply({ result: null }), 'its result is not true'],
    ['is not JSON', ({ replyRaw }) => replyRaw('pong'), 'not a JSON object'],
  ])('when its reply %s', async (_what, onRequest, problem) => {
    const cause = `The guest's reply cannot be read: ${problem}`;
    expect(await fn.ping(await guest(onRequest))).toMatchObject({ status: 400, body: badRequest(cause) });
  });

  test.each([
    ['is not there', 'amqp://127.0.0.1:1', 'The broker cannot be reached (connection refused)'],
    ['has no such name', 'amqp://broker.invalid', 'The broker cannot be reached (dns error)'],
  ])('naming the broker, when that %s', async (_what, BROKER_URL, cause) => {
    await using lost = await FunctionUnderTest.start({ BROKER_URL });
    expect(await lost.ping(randomUUID())).toMatchObject({ status: 400, body: badRequest(cause) });
  });

  test.each([
    ['the user name or password', (url: string) => url.replace('guest:guest', 'guest:wrong')],
    ['the virtual host, or one connection more', (url: string) => `${url}-missing`],
  ])('naming the broker, when that refuses %s', async (what, wrong) => {
    await using refused = await FunctionUnderTest.start({ BROKER_URL: wrong(broker.url) });
    const body = badRequest(`The broker refused ${what}`);
    expect(await refused.ping(randomUUID())).toMatchObject({ status: 400, body });
  });

  test('naming the exchange, when nobody ever declared it; the next ping is on a new connection', async () => {
    const settings = { BROKER_URL: broker.url, CONTROL_EXCHANGE: 'late' };
    await using early = await FunctionUnderTest.start(settings);
    const id = randomUUID();
    const cause = `The control exchange does not exist - topic: "guestagent.${id}", RPC method: "rpc_ping"`;
    expect(await early.ping(id)).toMatchObject({ status: 400, body: badRequest(cause) });
    await respond(await broker.channel(), id, ({ reply }) => reply(), 'late');
    expect(await early.ping(id)).toMatchObject({ status: 204 });
  });
});

describe('a function that is at fault itself is answered 500', () => {
  test.each([
    [{}, 'BROKER_URL, BROKER_ENDPOINT or BROKER_ID must be set'],
    [
      { BROKER_URL: 'amqp://u:hunter2@h', RPC_TIMEOUT_SECONDS: 'x' },
      'RPC_TIMEOUT_SECONDS is not a number of seconds up to 900',
    ],
    [
      {
        BROKER_ENDPOINT: 'amqps://127.0.0.1:1',
        BROKER_SECRET_ID: 'broker',
        AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:1',
        AWS_ACCESS_KEY_ID: 'AKID',
        AWS_SECRET_ACCESS_KEY: 'hunter2',
      },
      'The secret broker cannot be read: ECONNREFUSED',
    ],
  ])('with settings %j: the message names the setting, and no secret is told', async (settings, message) => {
    await using broken = await FunctionUnderTest.start(settings as Record<string, string>);
    const { status, body } = await broken.ping(randomUUID());
    expect(body).toBe(`{"instanceFault": {"message": "${message}", "code": 500}}`);
    expect(status).toBe(500);
    await eventually(
      async () => broken.output,
      (output) => output.includes('"outcome":"error"'),
    );
    expect(broken.output).not.toContain('hunter2');
  });
});

describe('an invocation that runs out of time is answered 500 by us, not by Lambda', () => {
  test('when a secret is not read in time', async () => {
    await using aws = await AwsStandIn.start(() => Promise.withResolvers<never>().promise);
    await using stuck = await FunctionUnderTest.start({
      BROKER_URL: broker.url,
      GUEST_KEY_SECRET_PREFIX: 'key/',
      ...aws.settings,
    });
    const id = randomUUID();
    const message = `The secret key/${id} cannot be read: TimeoutError`;
    const body = `{"instanceFault": {"message": "${message}", "code": 500}}`;
    expect(await stuck.invoke(id, 1000)).toMatchObject({ statusCode: 500, body });
  });

  test('when it was frozen until shortly before its end', async () => {
    await using frozen = await FunctionUnderTest.start({ BROKER_URL: broker.url });
    const begin = performance.now();
    const id = await guest(() => process.kill(frozen.lambda.pid, 'SIGSTOP'));
    const answer = frozen.invoke(id, 3000);
    await eventually(
      async () => performance.now() - begin,
      (elapsedMs) => elapsedMs > 2800,
    );
    process.kill(frozen.lambda.pid, 'SIGCONT');
    const message = 'The function ran out of time before the ping had ended.';
    const body = `{"instanceFault": {"message": "${message}", "code": 500}}`;
    expect(await answer).toMatchObject({ statusCode: 500, body });
  });

  test('when it has none from the start', async () => {
    const body = '{"instanceFault": {"message": "The invocation has no time for a ping.", "code": 500}}';
    expect(await fn.invoke(randomUUID(), 400)).toMatchObject({ statusCode: 500, body });
  });
});

describe('of each ping', () => {
  test('the guest learns the tenant and the request id that our log has', async () => {
    const { promise: received, resolve } = Promise.withResolvers<ReceivedRequest>();
    const id = await guest((request) => {
      request.reply();
      resolve(request);
    });
    await fn.ping(id, 'acme%20inc');
    const { message } = await received;
    const { log } = await fn.telemetry(id);
    expect(log).toMatchObject([
      { tenant_id: 'acme inc', instance_id: id, request_id: expect.stringMatching(/^req-[0-9a-f-]{36}$/) },
    ]);
    expect(message['_context_project_id']).toBe('acme inc');
    expect(message['_context_request_id']).toBe(log[0]?.['request_id']);
    expect(message['_context_auth_token']).toBeNull();
  });

  test('one line is logged and one count is put out, with the round trip, when the guest answers', async () => {
    const id = await guest(({ reply }) => reply());
    const before = fn.output;
    await fn.ping(id);
    const { log, metrics } = await fn.telemetry(id);
    expect(fn.output.slice(before.length).trim().split('\n')).toHaveLength(1);
    expect(log).toMatchObject([{ outcome: 'reachable', round_trip_ms: expect.any(Number), instance_id: id }]);
    expect(metrics).toMatchObject([
      {
        _aws: { CloudWatchMetrics: [{ Namespace: 'GuestRpcPing', Dimensions: [['service']] }] },
        service: 'rpc-ping',
        GuestsReachable: 1,
        RoundTripTime: expect.any(Number),
        instance_id: id,
      },
    ]);
  });

  test('one line is logged and one count is put out, in all and by reason, when it does not', async () => {
    const id = randomUUID();
    await fn.ping(id);
    const { log, metrics } = await fn.telemetry(id);
    expect(log).toMatchObject([{ outcome: 'unreachable', reason: 'queue_missing', instance_id: id }]);
    expect(metrics).toMatchObject([
      {
        _aws: { CloudWatchMetrics: [{ Dimensions: [['service'], ['service', 'Reason']] }] },
        GuestsUnreachable: 1,
        Reason: 'queue_missing',
        instance_id: id,
      },
    ]);
    expect(metrics[0]).not.toHaveProperty('RoundTripTime');
  });

  test('that is not found, one line is logged and nothing is counted', async () => {
    const before = fn.output.length;
    await fn.ping('nobody');
    const added = await eventually(
      async () => fn.output.slice(before).trim(),
      (output) => output !== '',
    );
    expect(JSON.parse(added)).toMatchObject({ outcome: 'not_found' });
  });
});

describe('over many pings', () => {
  test('a late answer does not disturb the next ping, and finds the reply queue still there', async () => {
    const { promise: late, resolve: onLate } = Promise.withResolvers<ReceivedRequest>();
    expect(await fn.ping(await guest(onLate))).toMatchObject({ status: 400 });
    const { message, reply } = await late;
    const channel = await broker.channel();
    const returned = Promise.withResolvers<never>();
    channel.on('return', () => returned.reject(new Error('The reply queue is gone')));
    reply();
    channel.publish('', String(message['_reply_q']), Buffer.from('{}'), { mandatory: true });
    await Promise.race([channel.waitForConfirms(), returned.promise]);
    expect(await fn.ping(await guest((request) => request.reply()))).toMatchObject({ status: 204 });
  });

  test('ten thousand leave one connection, at most two channels, one queue, and a flat heap', async () => {
    const own = await TestBroker.create();
    const id = randomUUID();
    await respond(await own.channel(), id, ({ reply }) => reply());
    await using busy = await FunctionUnderTest.start({ BROKER_URL: own.url });
    const pingTimes = async (times: number) => {
      for (let time = 0; time < times; time++) {
        expect(await busy.invoke(id)).toMatchObject({ statusCode: 204 });
      }
      return busy.lambda.heapUsed();
    };
    const warm = await pingTimes(1000);
    const after = await pingTimes(9000);
    expect((after - warm) / 9000).toBeLessThan(50); // bytes that a ping leaves behind

    const ours = ({ name }: { name: string }) => name.startsWith('reply_');
    const [connections, channels, queues] = await Promise.all([
      eventually(
        () => own.list('connections'),
        (list) => list.length === 2,
      ), // ours and the guest's
      eventually(
        () => own.list('channels'),
        (list) => list.length <= 3,
      ),
      own.list('queues'),
    ]);
    expect([connections.length, channels.length, queues.filter(ours).length]).toEqual([2, 2, 1]);
    await own.delete();
  }, 120_000);
});
