import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { freePort } from '../../infra/local/child.ts';
import { LambdaProcess } from '../../infra/local/lambda-process.ts';
import { RabbitMqServer } from '../../infra/local/rabbitmq.ts';
import { Synthesized, type SynthesizedFunction } from '../../infra/local/synthesized.ts';
import { TroveGuests } from '../../infra/local/trove-guests.ts';
import { AwsStandIn } from '../setup/aws-stand-in.ts';
import { makeCertificates, sslOptions } from '../setup/certificates.ts';
import { GRANTED } from '../setup/granted.ts';
import { type Permissions, TestBroker } from '../setup/test-broker.ts';
import { ENDPOINT, EXISTING } from './variants.ts';

jest.setTimeout(60_000); // each test synthesizes the stack

/** With a RabbitMQ server and openssl of Debian's packages, as the real guests are. */
const onDebian = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

onDebian('the very asset that cdk synth makes, with the environment of its template, over TLS', () => {
  const alive = randomUUID();
  let folder: string;
  let rabbit: RabbitMqServer;
  let tlsPort: number;
  let broker: TestBroker;
  let guests: TroveGuests;
  let stack: Synthesized;
  let secret: string;
  let aws: AwsStandIn;
  let lambda: LambdaProcess | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'guest-rpc-ping-asset-'));
    await makeCertificates(folder);
    tlsPort = await freePort();
    rabbit = await RabbitMqServer.start([
      `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
      ...sslOptions(folder, 'good'),
    ]);
    broker = await TestBroker.create(rabbit);
    const host = await TroveGuests.host({ brokerUrl: broker.url });
    if (!host) throw new Error('No Trove guests here');
    guests = host;
    await guests.start(alive);
    aws = await AwsStandIn.start(({ path }) => ({
      body: path.startsWith('/v1/brokers')
        ? { brokerState: 'RUNNING', brokerInstances: [{ endpoints: [endpoint()] }] }
        : { SecretString: secret },
    }));
  }, 60_000);
  afterAll(async () => {
    await aws.close();
    await guests.end();
    await broker.delete();
    await rabbit.stop();
    await rm(folder, { recursive: true });
  });
  afterEach(async () => {
    await lambda?.end();
    await stack.remove();
  });

  function endpoint(): string {
    return `amqps://localhost:${tlsPort}`;
  }

  /** What AWS would put in the place of the template's references, and where AWS itself is. */
  function local(environment: SynthesizedFunction['environment']): Record<string, string> {
    const { AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager = '', ...credentials } = aws.settings;
    const known: Record<string, string> = {
      BROKER_ENDPOINT: endpoint(),
      BROKER_SECRET_ID: 'broker',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager,
    };
    const settings: Record<string, string> = {
      ...credentials,
      BROKER_MANAGEMENT_URL: broker.managementUrl, // Amazon MQ has it on 443 of the broker's host
      NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'), // Amazon's is one that Node trusts
    };
    // The SDK refuses to combine a redirection with the dual-stack address.
    const { AWS_USE_DUALSTACK_ENDPOINT: _, ...redirected } = environment;
    for (const [name, value] of Object.entries(redirected)) {
      const setting = known[name] ?? value;
      if (typeof setting !== 'string') throw new Error(`${name} is known to AWS alone`);
      settings[name] = setting;
    }
    return settings;
  }

  async function start(
    name: string,
    permissions: Permissions,
    { tags = '', settings = {} }: { tags?: string; settings?: Record<string, string> } = {},
  ): Promise<{ invoke: (event: object) => Promise<unknown> }> {
    const { username, password } = new URL(await broker.user(permissions, tags));
    secret = JSON.stringify({ username, password });
    stack = await Synthesized.stack({ ...settings, brokerVhost: broker.vhost, rpcTimeoutSeconds: '5' });
    const shipped = stack.function(name);
    const started = await LambdaProcess.start(shipped, local(shipped.environment), () => undefined);
    lambda = started;
    return { invoke: (event) => started.invoke(event) };
  }

  function pingOf(id: string): object {
    const { method, path } = stack.route;
    return { routeKey: `${method} ${path}`, pathParameters: { tenant_id: 'tenant', instance_id: id } };
  }

  async function ping(permissions: Permissions, id = alive, settings: Record<string, string> = {}) {
    const { invoke } = await start('rpc-ping', permissions, { settings });
    return invoke(pingOf(id));
  }

  function refusal(of: string) {
    return {
      statusCode: 400,
      headers: { 'Proxy-Status': expect.stringContaining('details="broker_refused"') },
      body: expect.stringContaining(`The broker refused ${of}`),
    };
  }

  test('does not reach a guest without the configure permission: broker_refused', async () => {
    expect(await ping({ ...GRANTED, configure: '^$' })).toMatchObject(
      refusal('a permission that the ping needs'),
    );
  });

  test('does not reach a guest without the read permission: broker_refused', async () => {
    expect(await ping({ ...GRANTED, read: '^$' })).toMatchObject(refusal('a permission that the ping needs'));
  });

  test('does not reach a guest without write on the control exchange: broker_refused', async () => {
    const write = GRANTED.write.replace('trove|', '');
    expect(write).not.toBe(GRANTED.write);
    expect(await ping({ ...GRANTED, write })).toMatchObject(refusal('to take the ping'));
  });

  test('reaches a guest with exactly the permissions that the manual grants', async () => {
    expect(await ping(GRANTED)).toMatchObject({ statusCode: 204 });
  });

  test('tells a stopped guest by its missing consumer with these permissions', async () => {
    const stopped = randomUUID();
    await guests.start(stopped);
    await guests.stop(stopped);
    expect(await ping(GRANTED, stopped)).toMatchObject({
      statusCode: 400,
      headers: { 'Proxy-Status': expect.stringContaining('details="no_consumer"') },
    });
  });

  test('reaches a guest where the stack knows no more of the broker than its id', async () => {
    expect(await ping(GRANTED, alive, EXISTING)).toMatchObject({ statusCode: 204 });
    expect(aws.requests.some(({ path }) => path.endsWith(EXISTING.brokerId))).toBe(true);
  });

  test('reaches a guest of an existing broker by its endpoint', async () => {
    const { brokerId: _, ...place } = EXISTING;
    expect(await ping(GRANTED, alive, { ...place, brokerEndpoint: ENDPOINT })).toMatchObject({
      statusCode: 204,
    });
  });

  test('does not know the fleet without the tag management', async () => {
    const { invoke } = await start('health-check', GRANTED);
    expect(await invoke({})).toMatchObject({ error: { code: 'fleet_unknown' } });
  });

  test('sweeps the fleet with that tag and these permissions', async () => {
    const { invoke } = await start('health-check', GRANTED, { tags: 'management' });
    expect(await invoke({})).toMatchObject({ broker_reachable: true, reachable: 1 });
  });

  test('is not interrupted by the rotation of the manual: a second user, then the first one is deleted', async () => {
    const { invoke } = await start('rpc-ping', GRANTED);
    expect(await invoke(pingOf(alive))).toMatchObject({ statusCode: 204 });
    const first = JSON.parse(secret).username;
    const { username, password } = new URL(await broker.user(GRANTED));
    secret = JSON.stringify({ username, password });
    expect(await invoke(pingOf(alive))).toMatchObject({ statusCode: 204 });
    await broker.request('DELETE', `users/${first}`);
    expect(await invoke(pingOf(alive))).toMatchObject({ statusCode: 204 });
    await broker.request('PUT', `users/${first}`, { password: 'pw', tags: '' }); // the broker's clean-up deletes it
  });
});
