import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';

/** Runs where Debian's packages can be installed: these tests change a RabbitMQ server of their own. */
const onDebian = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

onDebian('a connection that the broker does not open', () => {
  let rabbit: RabbitMqServer;
  let broker: TestBroker;
  let fn: FunctionUnderTest;
  const alive = randomUUID();

  beforeAll(async () => {
    rabbit = await RabbitMqServer.start();
    broker = await TestBroker.create(rabbit);
    await respond(await broker.channel(), alive, ({ reply }) => reply());
  }, 60_000);
  afterAll(() => rabbit.stop());
  afterEach(() => fn.end());

  async function logOf(): Promise<unknown> {
    return (await fn.telemetry(alive)).log.at(-1);
  }

  test('for want of a common login mechanism is broker_refused, which names the mechanism', async () => {
    await rabbit.eval("application:set_env(rabbit, auth_mechanisms, ['AMQPLAIN'])");
    fn = await FunctionUnderTest.start({ BROKER_URL: broker.url });
    const { status, body } = await fn.ping(alive);
    expect([status, body]).toEqual([400, expect.stringContaining('does not offer the mechanism PLAIN')]);
    expect(await logOf()).toMatchObject({ reason: 'broker_refused' });
    await rabbit.eval("application:set_env(rabbit, auth_mechanisms, ['PLAIN', 'AMQPLAIN'])");
    expect(await fn.ping(alive)).toMatchObject({ status: 204 });
  }, 90_000);

  test('for want of channels is broker_refused, which names channel_max', async () => {
    await rabbit.eval('application:set_env(rabbit, channel_max, 1)');
    fn = await FunctionUnderTest.start({ BROKER_URL: broker.url });
    expect((await fn.ping(alive)).body).toContain(
      'one more channel: a limit of the connection (channel_max)',
    );
    await rabbit.eval('application:set_env(rabbit, channel_max, 3)');
    expect(await fn.ping(alive)).toMatchObject({ status: 204 });
  }, 90_000);

  test('since its virtual host is down is broker_unreachable, until the virtual host is back', async () => {
    await rabbit.eval(`rabbit_vhost_sup_sup:stop_and_delete_vhost(<<"${broker.vhost}">>)`);
    fn = await FunctionUnderTest.start({ BROKER_URL: broker.url });
    const { status, headers, body } = await fn.ping(alive);
    expect([status, body]).toEqual([400, expect.stringContaining('its virtual host is down on this node')]);
    expect(headers.get('proxy-status')).toContain(
      'error=connection_terminated; details="broker_unreachable"',
    );
    expect(await logOf()).toMatchObject({
      broker_said: expect.stringMatching(/^541 INTERNAL_ERROR - .* is down/),
      todo: expect.stringContaining('restart_vhost'),
    });
    await rabbit.ctl('restart_vhost', '-p', broker.vhost);
    const back = await fn.ping(randomUUID());
    expect(back.headers.get('proxy-status')).toMatch(/queue_missing|exchange_missing/);
  }, 90_000);
});
