import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { eventually } from '../setup/eventually.ts';
import { GRANTED } from '../setup/granted.ts';
import { type ReceivedRequest, respond } from '../setup/responder.ts';
import { Synthesized } from '../setup/synthesized.ts';
import { TcpProxy } from '../setup/tcp-proxy.ts';
import { TestBroker } from '../setup/test-broker.ts';
import { ExecutionEnvironment } from './execution-environment.ts';
import { ensureInterfaceClient } from './interface-client.ts';

describe("the very asset that cdk synth makes, run by AWS's own runtime", () => {
  let stack: Synthesized;
  let broker: TestBroker;
  /** The ping's time-out, in milliseconds. */
  let timeoutMs: number;

  beforeAll(async () => {
    ensureInterfaceClient();
    stack = await Synthesized.stack();
    timeoutMs = stack.function('rpc-ping').timeoutMs;
    broker = await TestBroker.create();
    await guest(() => undefined); // declares the control exchange
  }, 300_000);
  afterAll(async () => {
    await broker.delete();
    await stack.remove();
  });

  function start(name: string, settings: Record<string, string> = {}): Promise<ExecutionEnvironment> {
    return ExecutionEnvironment.start(stack.function(name), {
      BROKER_URL: broker.url,
      BROKER_MANAGEMENT_URL: broker.managementUrl,
      ...settings,
    });
  }

  async function guest(onRequest: (request: ReceivedRequest) => void): Promise<string> {
    const id = randomUUID();
    await respond(await broker.channel(), id, onRequest);
    return id;
  }

  /** API Gateway's event of a ping. */
  function pingOf(id: string): object {
    const { method, path } = stack.route;
    return { routeKey: `${method} ${path}`, pathParameters: { tenant_id: 'tenant', instance_id: id } };
  }

  async function closeConnectionsOf(url: string): Promise<void> {
    const { username } = new URL(url);
    const ofUser = ({ user }: { user?: string }) => user === username;
    const list = () => broker.list('connections') as Promise<{ name: string; user?: string }[]>;
    const connections = await eventually(list, (all) => all.some(ofUser));
    for (const { name } of connections.filter(ofUser))
      await broker.request('DELETE', `connections/${encodeURIComponent(name)}`);
  }

  test('an asset with wrong settings starts all the same, and answers each ping with 500', async () => {
    await using environment = await start('rpc-ping', { RPC_TIMEOUT_SECONDS: 'soon' });
    for (let time = 0; time < 2; time++) {
      const { answer } = await environment.api.invoke(pingOf(randomUUID()), timeoutMs);
      expect(answer).toMatchObject({ statusCode: 500, body: expect.stringContaining('RPC_TIMEOUT_SECONDS') });
    }
  });

  test('an asset whose broker refuses connections starts all the same, and answers each ping with 400', async () => {
    await using environment = await start('rpc-ping', { BROKER_URL: `amqp://127.0.0.1:${await freePort()}` });
    const { answer } = await environment.api.invoke(pingOf(randomUUID()), timeoutMs);
    expect(answer).toMatchObject({
      statusCode: 400,
      headers: { 'Proxy-Status': expect.stringContaining('details="broker_unreachable"') },
    });
  });

  test('an asset whose broker never answers starts all the same, and answers each ping with 400', async () => {
    const path = await TcpProxy.to(broker.url);
    path.swallow();
    await using environment = await start('rpc-ping', { BROKER_URL: path.url(broker.url) });
    const { answer } = await environment.api.invoke(pingOf(randomUUID()), timeoutMs);
    await path.close();
    expect(answer).toMatchObject({
      statusCode: 400,
      headers: { 'Proxy-Status': expect.stringContaining('details="broker_unreachable"') },
    });
  });

  test('an asset that is given too little time answers 500 before Lambda ends it', async () => {
    await using environment = await start('rpc-ping');
    await environment.api.idle();
    const { answer } = await environment.api.invoke(pingOf(randomUUID()), 450);
    expect(answer).toMatchObject({ statusCode: 500, body: expect.stringContaining('too little time') });
  });

  test('an asset that waits for a silent guest answers 400 before Lambda ends it', async () => {
    await using environment = await start('rpc-ping');
    await environment.api.idle();
    const { answer } = await environment.api.invoke(pingOf(await guest(() => undefined)), 2000);
    expect(answer).toMatchObject({
      statusCode: 400,
      headers: { 'Proxy-Status': expect.stringContaining('details="no_reply"') },
    });
  });

  test("the asset reaches a guest, and logs one line with Lambda's request id and the trace", async () => {
    await using environment = await start('rpc-ping');
    const instance = await guest(({ reply }) => reply());
    const { id, answer } = await environment.api.invoke(pingOf(instance), timeoutMs);
    expect(answer).toMatchObject({ statusCode: 204 });
    const lines = await eventually(
      async () => environment.lines,
      (all) => all.length > 0,
    );
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        level: 'INFO',
        outcome: 'reachable',
        instance_id: instance,
        request_id: `req-${id}`,
        xray_trace_id: '1-5759e988-bd862e3fe1be46a994272793',
      },
    ]);
  });

  test('the asset reaches a guest after each of three freezes, on the connection that it had', async () => {
    await using environment = await start('rpc-ping');
    const replyQueues = new Set<unknown>();
    const instance = await guest(({ message, reply }) => {
      replyQueues.add(message['_reply_q']);
      reply();
    });
    for (let time = 0; time < 3; time++) {
      const ping = environment.api.invoke(pingOf(instance), timeoutMs);
      environment.thaw();
      expect((await ping).answer).toMatchObject({ statusCode: 204 });
      await environment.freeze();
    }
    expect(replyQueues.size).toBe(1);
  });

  test('each ping is logged before Lambda can freeze the environment', async () => {
    await using environment = await start('rpc-ping');
    const instance = await guest(({ reply }) => reply());
    for (const logged of [1, 2, 3]) {
      const ping = environment.api.invoke(pingOf(instance), timeoutMs);
      environment.thaw();
      expect((await ping).answer).toMatchObject({ statusCode: 204 });
      await environment.freeze();
      await eventually(
        async () => environment.lines.length,
        (count) => count === logged,
      );
    }
  });

  test('an asset that was frozen while the broker dropped its connection reaches a guest on a new one', async () => {
    const url = await broker.user(GRANTED);
    await using environment = await start('rpc-ping', { BROKER_URL: url });
    const instance = await guest(({ reply }) => reply());
    await environment.api.invoke(pingOf(instance), timeoutMs);
    await environment.freeze();
    await closeConnectionsOf(url);
    const ping = environment.api.invoke(pingOf(instance), timeoutMs);
    environment.thaw();
    expect((await ping).answer).toMatchObject({ statusCode: 204 });
  });

  test('an asset that is frozen before its first invocation reaches a guest on the connection made in init', async () => {
    await using environment = await start('rpc-ping');
    const instance = await guest(({ reply }) => reply());
    await environment.freeze();
    const ping = environment.api.invoke(pingOf(instance), timeoutMs);
    environment.thaw();
    expect((await ping).answer).toMatchObject({ statusCode: 204 });
  });

  test('an asset whose connection is dropped before its first invocation reaches a guest on a new one', async () => {
    const url = await broker.user(GRANTED);
    await using environment = await start('rpc-ping', { BROKER_URL: url });
    const instance = await guest(({ reply }) => reply());
    await environment.freeze();
    await closeConnectionsOf(url);
    const ping = environment.api.invoke(pingOf(instance), timeoutMs);
    environment.thaw();
    expect((await ping).answer).toMatchObject({ statusCode: 204 });
  });

  test('the asset of the health check sweeps the fleet, and returns its summary', async () => {
    await using environment = await start('health-check');
    const instance = await guest(({ reply }) => reply());
    const { answer } = await environment.api.invoke({ instance_ids: [instance] }, timeoutMs);
    expect(answer).toMatchObject({ checked: 1, reachable: 1, broker_reachable: true });
  });
});
