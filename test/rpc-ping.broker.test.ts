import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { TemporaryFolder } from '../infra/local/parts/temporary-folder.ts';
import { AwsStandIn } from './setup/aws-stand-in.ts';
import { eventually } from './setup/eventually.ts';
import { FunctionUnderTest } from './setup/function-under-test.ts';
import { QUEUE_OPTIONS } from './setup/guest-queues.ts';
import { type ReceivedRequest, respond } from './setup/responder.ts';
import { TcpProxy } from './setup/tcp-proxy.ts';
import { TestBroker } from './setup/test-broker.ts';

/** AMQP's class and method. */
const CONNECTION_OPEN = Buffer.from([0, 10, 0, 40]);

/** A module that lets the first look-up in DNS fail. */
const FAILING_ONCE = `
  const dns = require('node:dns');
  const { lookup } = dns;
  dns.lookup = (...args) => {
    dns.lookup = lookup;
    setImmediate(args.at(-1), Object.assign(new Error('once'), { code: 'ENOTFOUND' }));
  };`;

const FRAME = 'An error occurred communicating with the guest: ';

let broker: TestBroker;
let fn: FunctionUnderTest;

beforeAll(async () => {
  broker = await TestBroker.create();
  await guest(() => undefined); // declares the control exchange
  fn = await FunctionUnderTest.start({ BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: '1' });
});
afterAll(async () => {
  await fn.end();
  await broker.delete();
});

/** Starts a guest that calls `onRequest` for each request. @returns the instance id */
async function guest(onRequest: (request: ReceivedRequest) => void): Promise<string> {
  const id = randomUUID();
  await respond(await broker.channel(), id, onRequest);
  return id;
}

function badRequest(cause: string): string {
  return `{"badRequest": {"message": ${JSON.stringify(`${FRAME}${cause}.`)}, "code": 400}}`;
}

describe('404, 400 and 204', () => {
  test.each([
    'cb620219-891e-5cf8-b46c-a6b4f3df40a', // a digit short
    'CB620219-891E-5CF8-B46C-A6B4F3DF40A6', // in upper case
    'not-a-uuid',
    '%22%3E%C3%A9',
  ])('the instance id %s is answered 404 with that id', async (id) => {
    const { status, headers, body } = await fn.ping(id);
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
    const { status, headers, body } = await fn.request(method, path);
    expect(body).toBe('{"itemNotFound": {"message": "The resource could not be found.", "code": 404}}');
    expect(status).toBe(404);
    expect(headers.get('content-type')).toBe('application/json; charset=UTF-8');
  });

  test('a caller may ask for a shorter wait by Prefer', async () => {
    const id = await guest(() => undefined);
    await using long = await FunctionUnderTest.start({ BROKER_URL: broker.url });
    const answer = await long.ping(id, 'tenant', { PREFER: 'wait=1' });
    expect([answer.status, answer.headers.get('preference-applied')]).toEqual([400, 'wait=1']);
  });

  test('a guest that answers is answered 204, without a body', async () => {
    const { status, headers, body } = await fn.ping(await guest(({ reply }) => reply()));
    expect([status, body]).toEqual([204, '']);
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('content-length')).toBe('0');
  });
});

describe('400', () => {
  test("a guest that does not reply is answered 400 with Trove's time-out text", async () => {
    const id = await guest(() => undefined);
    const { status, headers, body } = await fn.ping(id);
    expect(body).toBe(
      `{"badRequest": {"message": "An error occurred communicating with the guest: Timeout while waiting on RPC ` +
        `response - topic: \\"guestagent.${id}\\", RPC method: \\"rpc_ping\\" info: \\"<unknown>\\".", "code": 400}}`,
    );
    expect(status).toBe(400);
    expect(headers.get('content-type')).toBe('application/json; charset=UTF-8');
  });

  test('an agent that is down is waited for longer where it has just answered: it may be restarting', async () => {
    await using long = await FunctionUnderTest.start({ BROKER_URL: broker.url });
    const pingOfAgentThat = async (hasAnswered: boolean) => {
      const [id, agent] = [randomUUID(), await broker.channel()];
      await respond(agent, id, ({ reply }) => reply());
      if (hasAnswered) await long.ping(id);
      await agent.close();
      return { id, answer: long.ping(id) };
    };
    const down = await pingOfAgentThat(false);
    const restarting = await pingOfAgentThat(true);
    expect((await down.answer).headers.get('proxy-status')).toContain('no_consumer');
    await respond(await broker.channel(), restarting.id, ({ reply }) => reply());
    expect((await restarting.answer).status).toBe(204);
  });

  test('a guest without a queue, whose ping another queue took, is queue_missing', async () => {
    const [id, channel] = [randomUUID(), await broker.channel()];
    await channel.assertQueue(`of-another-name-${id}`, QUEUE_OPTIONS);
    await channel.bindQueue(`of-another-name-${id}`, 'trove', `guestagent.${id}`);
    const { headers } = await fn.ping(id);
    expect(headers.get('proxy-status')).toContain('details="queue_missing"');
    const { log } = await fn.telemetry(id);
    expect(log[0]).not.toHaveProperty('waiting_messages');
  });

  test('a guest that never registered is answered 400 with topic and method', async () => {
    const id = randomUUID();
    const cause = `No queue is bound for the guest: it went with its agent or with the broker, or the instance is not on this broker - topic: "guestagent.${id}", RPC method: "rpc_ping"`;
    expect(await fn.ping(id)).toMatchObject({ status: 400, body: badRequest(cause) });
  });

  test("a guest's exception is answered 400 with its message, and its traceback is in the log alone", async () => {
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

  test('of a long traceback the last 16 kB are in the log, so that the line keeps its metrics', async () => {
    const tb = [`the first frame ${'x'.repeat(40_000)}\n`, 'OSError: the cause'];
    const failure = JSON.stringify({ class: 'OSError', module: 'builtins', message: 'boom', tb });
    const id = await guest(({ reply }) => reply({ result: null, failure }));
    expect(await fn.ping(id)).toMatchObject({ status: 400 });
    const [line] = (await fn.telemetry(id)).log;
    const traceback = String(line?.['traceback']);
    expect(traceback.length).toBeLessThanOrEqual(16 * 1024 + 1);
    expect(traceback).toMatch(/^…x+\nOSError: the cause$/);
    expect(line).toMatchObject({ GuestsUnreachable: 1 });
  });

  test.each<[string, (request: ReceivedRequest) => void, string]>([
    ['is not true', ({ reply }) => reply({ result: 'yes' }), 'its result is not true'],
    ['is null', ({ reply }) => reply({ result: null }), 'its result is not true'],
    ['is not JSON', ({ replyRaw }) => replyRaw('pong'), 'not a JSON object'],
  ])('a guest whose reply %s is answered 400 with what is wrong', async (_what, onRequest, problem) => {
    const cause = `The guest's reply cannot be read: ${problem}`;
    expect(await fn.ping(await guest(onRequest))).toMatchObject({ status: 400, body: badRequest(cause) });
  });

  test.each([
    ['is not there', 'amqp://127.0.0.1:1', 'The broker cannot be reached (connection refused)'],
    ['has no such name', 'amqp://broker.invalid', 'The broker cannot be reached (dns error)'],
  ])('a broker that %s is answered 400 with the broker as the cause', async (_what, BROKER_URL, cause) => {
    await using lost = await FunctionUnderTest.start({ BROKER_URL });
    expect(await lost.ping(randomUUID())).toMatchObject({ status: 400, body: badRequest(cause) });
  });

  test.each([
    ['the user name or password', (url: string) => url.replace('guest:guest', 'guest:wrong')],
    ['the virtual host, which does not exist', (url: string) => `${url}-missing`],
  ])('a broker that refuses %s is answered 400 with the broker as the cause', async (what, wrong) => {
    await using refused = await FunctionUnderTest.start({ BROKER_URL: wrong(broker.url) });
    const body = badRequest(`The broker refused ${what}`);
    expect(await refused.ping(randomUUID())).toMatchObject({ status: 400, body });
  });

  test('a missing control exchange is answered 400, and the next ping is answered once it is there', async () => {
    const settings = { BROKER_URL: broker.url, CONTROL_EXCHANGE: 'late' };
    await using early = await FunctionUnderTest.start(settings);
    const id = randomUUID();
    const cause = `The control exchange does not exist: nothing has declared it since the broker started, or CONTROL_EXCHANGE is wrong - topic: "guestagent.${id}", RPC method: "rpc_ping"`;
    expect(await early.ping(id)).toMatchObject({ status: 400, body: badRequest(cause) });
    await respond(await broker.channel(), id, ({ reply }) => reply(), 'late');
    expect(await early.ping(id)).toMatchObject({ status: 204 });
  });
});

describe('500', () => {
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
  ])(
    'a function with settings %j answers 500, naming the setting and no secret',
    async (settings, message) => {
      await using broken = await FunctionUnderTest.start(settings as Record<string, string>);
      const { status, body } = await broken.ping(randomUUID());
      expect(body).toBe(`{"instanceFault": {"message": "${message}", "code": 500}}`);
      expect(status).toBe(500);
      await eventually(
        async () => broken.output,
        (output) => output.includes('"outcome":"error"'),
      );
      expect(broken.output).not.toContain('hunter2');
    },
  );
});

describe('an invocation that runs out of time', () => {
  test('a secret that is not read in time is answered 500 before Lambda ends the invocation', async () => {
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

  test('an invocation that was frozen until shortly before its end is answered 500', async () => {
    await using frozen = await FunctionUnderTest.start({ BROKER_URL: broker.url });
    const stopped = Promise.withResolvers<void>();
    const id = await guest(() => {
      process.kill(frozen.lambda.pid, 'SIGSTOP');
      stopped.resolve();
    });
    const [startMs, answer] = [performance.now(), frozen.invoke(id, 3000)];
    await stopped.promise;
    await setTimeout(startMs + 2760 - performance.now());
    process.kill(frozen.lambda.pid, 'SIGCONT');
    const message = 'The function ran out of time before the ping had ended.';
    const body = `{"instanceFault": {"message": "${message}", "code": 500}}`;
    expect(await answer).toMatchObject({ statusCode: 500, body });
  });

  test('an invocation that starts without time for a ping is answered 500', async () => {
    const body =
      '{"instanceFault": {"message": "The invocation has too little time left for a ping.", "code": 500}}';
    for (const leftMs of [400, 600])
      expect(await fn.invoke(randomUUID(), leftMs)).toMatchObject({ statusCode: 500, body });
  });
});

describe('telemetry', () => {
  test('a guest receives the tenant and the request id that the log has', async () => {
    const { promise: received, resolve } = Promise.withResolvers<ReceivedRequest>();
    const id = await guest((request) => {
      request.reply();
      resolve(request);
    });
    const { headers } = await fn.ping(id, 'acme%20inc');
    const { message } = await received;
    const { log } = await fn.telemetry(id);
    expect(log).toMatchObject([
      { tenant_id: 'acme inc', instance_id: id, request_id: expect.stringMatching(/^req-[0-9a-f-]{36}$/) },
    ]);
    expect(message['_context_project_id']).toBe('acme inc');
    expect(message['_context_request_id']).toBe(log[0]?.['request_id']);
    expect(message['_context_request_id']).toBe(headers.get('x-openstack-request-id'));
    expect(message).not.toHaveProperty('_context_global_request_id');
    expect(message['_context_auth_token']).toBeNull();
  });

  test.each([
    ['req-6d4b7f2e-8a3c-4f5b-9c1d-2e3f4a5b6c7d', true],
    ['req-6D4B7F2E-8A3C-4F5B-9C1D-2E3F4A5B6C7D', false],
    ['6d4b7f2e-8a3c-4f5b-9c1d-2e3f4a5b6c7d', false],
    ['req-x', false],
  ])("the caller's own request id %s reaches log and guest: %s", async (sent, isPassedOn) => {
    const { promise: received, resolve } = Promise.withResolvers<ReceivedRequest>();
    const id = await guest((request) => {
      request.reply();
      resolve(request);
    });
    await fn.ping(id, 'tenant', { 'x-openstack-request-id': sent });
    const expected = isPassedOn ? sent : undefined;
    expect((await received).message['_context_global_request_id']).toBe(expected);
    expect((await fn.telemetry(id)).log[0]?.['global_request_id']).toBe(expected);
  });

  test('every answer has a request id of its own: 204, 400, 404 and 500', async () => {
    const answers = [
      await fn.ping(await guest(({ reply }) => reply())),
      await fn.ping(randomUUID()),
      await fn.ping('no-uuid'),
    ];
    const failed = Object(await fn.invoke(randomUUID(), 400));
    const ids = [
      ...answers.map(({ headers }) => headers.get('x-openstack-request-id')),
      failed.headers['X-OpenStack-Request-Id'],
    ];
    expect([...answers.map(({ status }) => status), failed.statusCode]).toEqual([204, 400, 404, 500]);
    for (const id of ids) expect(id).toMatch(/^req-[0-9a-f-]{36}$/);
    expect(new Set(ids).size).toBe(4);
  });

  test('an event that is null is answered 500, with the request id of the log', async () => {
    const { statusCode, headers, body } = Object(await fn.lambda.invoke(null));
    const id = headers['X-OpenStack-Request-Id'];
    expect([statusCode, body]).toEqual([
      500,
      expect.stringContaining(`The function failed (request id ${id}). See its log.`),
    ]);
    await eventually(
      async () => fn.output,
      (output) => output.includes(id),
    );
  });

  test('a ping of a reachable guest logs one line, with one count and the round trip', async () => {
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

  test('a ping of an unreachable guest logs one line, with one count in all and by reason', async () => {
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

  test('a ping that is not found logs one line, and counts nothing', async () => {
    const before = fn.output.length;
    await fn.ping('nobody');
    const added = await eventually(
      async () => fn.output.slice(before).trim(),
      (output) => output !== '',
    );
    expect(JSON.parse(added)).toMatchObject({ outcome: 'not_found' });
  });
});

describe('many pings', () => {
  test('a late reply finds the reply queue still there, and does not disturb the next ping', async () => {
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

  test('of one silent guest sixteen may be in flight, the next is answered 503, and other guests are reached', async () => {
    const [silent, alive] = [await guest(() => undefined), await guest((request) => request.reply())];
    const pings = Array.from({ length: 17 }, () => fn.invoke(silent));
    expect(await fn.invoke(alive)).toMatchObject({ statusCode: 204 });
    const answers = await Promise.all(pings);
    expect(answers.filter((answer) => Object(answer).statusCode === 400)).toHaveLength(16);
    expect(answers[16]).toMatchObject({
      statusCode: 503,
      headers: { 'Retry-After': '1' },
      body: '{"serviceUnavailable": {"message": "16 pings of this guest are in flight already.", "code": 503}}',
    });
    expect(await fn.invoke(silent)).toMatchObject({ statusCode: 400 });
  });

  test('ten thousand pings, ten at a time, leave one connection, at most three channels, one queue, and a flat heap', async () => {
    await using own = await TestBroker.create();
    const id = randomUUID();
    await respond(await own.channel(), id, ({ reply }) => reply());
    await using busy = await FunctionUnderTest.start({ BROKER_URL: own.url });
    const pingTimes = async (times: number) => {
      for (let done = 0; done < times; done += 10) {
        const answers = await Promise.all(Array.from({ length: 10 }, () => busy.invoke(id)));
        for (const answer of answers) expect(answer).toMatchObject({ statusCode: 204 });
      }
      return busy.lambda.heapUsed();
    };
    const warm = await pingTimes(1000);
    const after = await pingTimes(9000);
    expect((after - warm) / 9000).toBeLessThan(50); // bytes of heap for each ping

    const ours = ({ name }: { name: string }) => name.startsWith('reply_');
    const [connections, channels, queues] = await Promise.all([
      eventually(
        () => own.list('connections'),
        (list) => list.length === 2,
      ), // ours and the guest's
      eventually(
        () => own.list('channels'),
        (list) => list.length <= 4,
      ),
      own.list('queues'),
    ]);
    expect([connections.length, queues.filter(ours).length]).toEqual([2, 1]);
    expect(channels.length).toBeLessThanOrEqual(4); // three of ours, the third where a ping was repeated, one of the guest's
  }, 120_000);
});

describe('the ping that init rehearses', () => {
  const NIL_UUID = '00000000-0000-0000-0000-000000000000';
  const received: unknown[] = [];

  beforeAll(async () => {
    await respond(await broker.channel(), NIL_UUID, ({ message, reply }) => {
      received.push(message['method']);
      reply();
    });
  });
  beforeEach(() => {
    received.length = 0;
  });

  test('a rehearsed ping goes to the guest of the nil UUID once, and is not logged', async () => {
    await using rehearsed = await FunctionUnderTest.start({ BROKER_URL: broker.url });
    const pinged = await guest(({ reply }) => reply());
    await rehearsed.ping(pinged);
    await rehearsed.telemetry(pinged);
    expect(received).toEqual(['rpc_ping']);
    expect(rehearsed.output).not.toContain(NIL_UUID);
  });

  test('nothing is rehearsed in an invocation', async () => {
    const folder = new TemporaryFolder('failing-dns');
    await writeFile(folder.file('once.cjs'), FAILING_ONCE);
    await using late = await FunctionUnderTest.start({
      BROKER_URL: broker.url.replace('127.0.0.1', 'localhost'),
      NODE_OPTIONS: `--require ${folder.file('once.cjs')}`,
    });
    const { status, headers } = await late.ping(await guest(({ reply }) => reply()));
    expect([status, headers.get('server-timing')]).toEqual([204, expect.stringContaining('init_dns')]);
    expect(received).toEqual([]);
    await folder.remove();
  });

  test('a broker that is slow to open the connection, and allows three channels, is asked nothing more', async () => {
    const url = await broker.user({ configure: '.*', write: '.*', read: '.*' });
    await broker.request('PUT', `user-limits/${new URL(url).username}/max-channels`, { value: 3 });
    const path = await TcpProxy.to(url);
    path.delayOnce(400, (from, packet) => from === 'client' && packet.includes(CONNECTION_OPEN));
    await using slow = await FunctionUnderTest.start({ BROKER_URL: path.url(url) });
    const { status, headers } = await slow.ping(await guest(({ reply }) => reply()));
    expect([status, headers.get('server-timing')]).toEqual([204, expect.not.stringMatching(/(^| )tcp;/)]);
    await path.close();
  });
});
