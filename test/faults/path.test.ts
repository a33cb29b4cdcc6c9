import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { end } from '../../infra/local/parts/child.ts';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { eventually } from '../setup/eventually.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { respond } from '../setup/responder.ts';
import { TcpProxy } from '../setup/tcp-proxy.ts';
import { TestBroker } from '../setup/test-broker.ts';

const UNREACHABLE = (how: string) => `The broker cannot be reached (${how})`;

let broker: TestBroker;
let alive: string;
let path: TcpProxy;
let fn: FunctionUnderTest | undefined;

beforeAll(async () => {
  broker = await TestBroker.create();
  alive = randomUUID();
  await respond(await broker.channel(), alive, ({ reply }) => reply());
});
afterAll(() => broker.delete());

beforeEach(async () => {
  path = await TcpProxy.to(broker.url);
});
afterEach(async () => {
  await fn?.end();
  fn = undefined;
  await path.close();
});

async function start(settings: Record<string, string> = {}): Promise<FunctionUnderTest> {
  fn = await FunctionUnderTest.start({
    BROKER_URL: path.url(broker.url),
    RPC_TIMEOUT_SECONDS: '2',
    ...settings,
  });
  return fn;
}

function badRequest(cause: string): object {
  return { status: 400, body: expect.stringContaining(`communicating with the guest: ${cause}`) };
}

describe('a path that swallows all bytes while the function connects', () => {
  test.each([0, 1, 2, 3, 4, 5])(
    'a path that swallows all bytes after %i packets of the broker is broker_unreachable until it is healed',
    async (count) => {
      const settings = { RPC_TIMEOUT_SECONDS: '0.6' };
      if (count === 0) path.swallow();
      else path.swallowAfter((from, _packet, index) => from === 'server' && index === count - 1);
      const under = await start(settings);
      expect(await under.ping(alive)).toMatchObject(badRequest(UNREACHABLE('connection timeout')));
      path.heal();
      expect(await under.ping(alive)).toMatchObject({ status: 204 });
    },
  );

  test('a TCP handshake that does not end is broker_unreachable: connection timeout', async () => {
    const { child, port } = await fullBacklog();
    fn = await FunctionUnderTest.start({
      BROKER_URL: `amqp://127.0.0.1:${port}`,
      RPC_TIMEOUT_SECONDS: '0.6',
    });
    expect(await fn.ping(alive)).toMatchObject(badRequest(UNREACHABLE('connection timeout')));
    await end(child, 'SIGKILL');
  });

  test('a TLS handshake without an answer is broker_unreachable: connection timeout', async () => {
    path.swallow();
    const BROKER_URL = path.url(broker.url).replace('amqp:', 'amqps:');
    const under = await start({ BROKER_URL, RPC_TIMEOUT_SECONDS: '0.6' });
    expect(await under.ping(alive)).toMatchObject(badRequest(UNREACHABLE('connection timeout')));
  });
});

describe('a path that swallows all bytes of a connection in use', () => {
  test('a guest is reached on a new connection when the old one died silently between two pings', async () => {
    const under = await start();
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    path.swallow(); // kills the open connection for good
    path.heal();
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
  });

  test('a guest is reached on a new connection when the old one swallows the ping, and no confirm comes', async () => {
    const under = await start();
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    const { promise: published, resolve } = Promise.withResolvers<void>();
    path.swallowAfter((from, packet) => {
      const isPublish = from === 'client' && packet.includes('rpc_ping');
      if (isPublish) setImmediate(resolve);
      return isPublish;
    });
    const answer = under.ping(alive);
    await published;
    path.heal();
    expect(await answer).toMatchObject({ status: 204 });
  });

  test('a broker is unreachable when the path swallows the ping and each new connection', async () => {
    const under = await start();
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    path.swallow();
    expect(await under.ping(alive)).toMatchObject(badRequest(UNREACHABLE('connection timeout')));
  });

  test('a guest is reached on a new connection when the old one dies between confirm and reply', async () => {
    const id = randomUUID();
    let pings = 0;
    const { promise: received, resolve } = Promise.withResolvers<() => void>();
    await respond(await broker.channel(), id, ({ reply }) =>
      pings++ === 0 ? resolve(() => reply()) : reply(),
    );
    const under = await start({ RPC_TIMEOUT_SECONDS: '4' });
    const answer = under.ping(id);
    const replyToFirst = await received;
    path.swallow();
    replyToFirst();
    path.heal();
    expect(await answer).toMatchObject({ status: 204 });
    expect(pings).toBe(2);
  });

  test('a guest is reached on a new connection when the old one dies long after the confirm', async () => {
    const id = randomUUID();
    let isSwallowed = false;
    await respond(await broker.channel(), id, ({ reply }) => {
      if (isSwallowed) reply();
    });
    const { promise: swallowed, resolve } = Promise.withResolvers<void>();
    let isAsked = false; // the broker, about who consumes the queue
    path.swallowAfter((from, packet) => {
      const isAnswer = isAsked && from === 'server';
      if (isAnswer) {
        isSwallowed = true;
        resolve();
      } else if (from === 'client' && packet.includes(id) && !packet.includes('rpc_ping')) isAsked = true;
      return isAnswer;
    });
    const under = await start({ RPC_TIMEOUT_SECONDS: '10' });
    const answer = under.ping(id);
    await swallowed;
    setImmediate(() => path.heal());
    expect(await answer).toMatchObject({ status: 204 });
  });

  test('a path that swallows the reply and each new connection is broker_unreachable, not no_reply', async () => {
    const id = randomUUID();
    await respond(await broker.channel(), id, ({ reply }) => {
      path.swallow();
      reply();
    });
    const under = await start();
    expect(await under.ping(id)).toMatchObject(badRequest(UNREACHABLE('connection timeout')));
  });
});

describe('a path that cuts the connection', () => {
  test('a guest is reached on a new connection when the old one was cut between two pings', async () => {
    const under = await start();
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    path.cut();
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
  });

  test('a guest is reached on a new connection when the old one is cut during the ping', async () => {
    const id = randomUUID();
    let pings = 0;
    await respond(await broker.channel(), id, ({ reply }) => (pings++ === 0 ? path.cut() : reply()));
    const under = await start();
    expect(await under.ping(id)).toMatchObject({ status: 204 });
  });

  test('a broker is unreachable when the connection is cut during the ping, and during its repetition', async () => {
    const id = randomUUID();
    await respond(await broker.channel(), id, () => path.cut());
    const under = await start();
    expect(await under.ping(id)).toMatchObject(badRequest(UNREACHABLE('connection terminated')));
  });
});

test('ten thousand pings, ten at a time, all reach the guest though each tenth time finds its connection cut, and nothing grows', async () => {
  await using own = await TestBroker.create();
  const cuts = await TcpProxy.to(own.url);
  await respond(await own.channel(), alive, ({ reply }) => reply());
  await using under = await FunctionUnderTest.start({ BROKER_URL: cuts.url(own.url) });
  const pingTimes = async (times: number) => {
    for (let done = 10; done <= times; done += 10) {
      if (done % 100 === 0) cuts.cut();
      const answers = await Promise.all(Array.from({ length: 10 }, () => under.invoke(alive)));
      for (const answer of answers) expect(answer).toMatchObject({ statusCode: 204 });
    }
    return under.lambda.heapUsed();
  };
  const warm = await pingTimes(3000);
  const after = await pingTimes(7000);
  expect((after - warm) / 70).toBeLessThan(5000); // bytes of heap for each cut
  expect(under.output).not.toMatch(/unhandled|MaxListeners/i);

  const ours = ({ name }: { name: string }) => name.startsWith('reply_');
  const [connections, channels, queues, exchanges] = await Promise.all([
    eventually(
      () => own.list('connections'),
      (list) => list.length === 2,
    ), // ours and the guest's
    eventually(
      () => own.list('channels'),
      (list) => list.length === 3 || list.length === 4,
    ),
    eventually(
      () => own.list('queues'),
      (list) => list.filter(ours).length === 1,
    ),
    eventually(
      () => own.list('exchanges'),
      (list) => !list.some(ours),
    ),
  ]);
  expect(connections).toHaveLength(2);
  expect(channels.length).toBeLessThanOrEqual(4); // three of ours, the third where a ping was repeated, one of the guest's
  expect([queues.filter(ours).length, exchanges.filter(ours).length]).toEqual([1, 0]);
  await cuts.close();
}, 120_000);

describe('the other end of the path', () => {
  test('a port on which no process listens is broker_unreachable: connection refused', async () => {
    fn = await FunctionUnderTest.start({ BROKER_URL: `amqp://127.0.0.1:${await freePort()}` });
    expect(await fn.ping(alive)).toMatchObject(badRequest(UNREACHABLE('connection refused')));
  });

  test('a host name that does not resolve is broker_unreachable: dns error', async () => {
    fn = await FunctionUnderTest.start({ BROKER_URL: 'amqp://broker.invalid' });
    expect(await fn.ping(alive)).toMatchObject(badRequest(UNREACHABLE('dns error')));
  });

  const notAmqp = 'what answers there does not speak AMQP 0-9-1';
  const terminated = 'connection terminated';

  test.each([
    ['speaks HTTP', notAmqp, 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['sends zeros', notAmqp, Buffer.alloc(100_000)],
    ['claims a frame of 4 GB', terminated, Buffer.from([1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0])],
    ['sends noise', notAmqp, Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 73) % 256))],
    ['hangs up', terminated, ''],
  ])('a peer that %s instead of speaking AMQP is broker_unreachable: %s', async (_what, why, greeting) => {
    const peer = createServer((socket) => {
      socket.on('error', () => undefined).end(greeting);
    }).listen(0, '127.0.0.1');
    await once(peer, 'listening');
    const BROKER_URL = `amqp://127.0.0.1:${(peer.address() as { port: number }).port}`;
    fn = await FunctionUnderTest.start({ BROKER_URL, RPC_TIMEOUT_SECONDS: '2' });
    expect(await fn.ping(alive)).toMatchObject(badRequest(UNREACHABLE(why)));
    expect(await fn.ping(alive)).toMatchObject(badRequest(UNREACHABLE(why)));
    expect(fn.output).not.toMatch(/unhandled/i);
    peer.close();
  });
});

/** A port whose backlog is full, so that Linux drops the SYN of the next connection. */
async function fullBacklog(): Promise<{ child: ChildProcess; port: number }> {
  const script = `
import socket, time
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(0)
c = [socket.socket() for _ in range(4)]
for x in c: x.setblocking(False); x.connect_ex(s.getsockname())
print(s.getsockname()[1], flush=True)
time.sleep(60)`;
  const child = spawn('/usr/bin/python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { child, port: Number(line) };
}
