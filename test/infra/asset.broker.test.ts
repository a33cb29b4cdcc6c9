import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { LambdaProcess } from '../../infra/local/parts/lambda-process.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { AwsStandIn } from '../setup/aws-stand-in.ts';
import { listenWithTls, makeCertificates } from '../setup/certificates.ts';
import { GRANTED } from '../setup/granted.ts';
import { S3StandIn } from '../setup/s3-stand-in.ts';
import { Synthesized, type SynthesizedFunction } from '../setup/synthesized.ts';
import { type Permissions, SHARED_RABBIT, TestBroker } from '../setup/test-broker.ts';
import { ENDPOINT, EXISTING, type File, NEW } from './variants.ts';

/** Runs where Debian's packages can be installed: these tests need a RabbitMQ server, openssl and real guests. */
const onDebian = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

onDebian("the synthesized asset, with the template's environment, over TLS", () => {
  const alive = randomUUID();
  let folder: string;
  let tlsPort: number;
  let broker: TestBroker;
  let guests: TroveGuests;
  let stack: Synthesized;
  /** The stacks by their settings, each synthesized once. */
  const stacks = new Map<string, Synthesized>();
  let secret: string;
  let aws: AwsStandIn;
  let s3: S3StandIn;
  let lambda: LambdaProcess | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'guest-rpc-ping-asset-'));
    await makeCertificates(folder, 'good');
    tlsPort = await listenWithTls(SHARED_RABBIT, folder, 'good');
    broker = await TestBroker.create();
    const host = await TroveGuests.host({ brokerUrl: broker.url });
    if (!host) throw new Error('No Trove guests here');
    guests = host;
    await guests.start(alive);
    s3 = await S3StandIn.start();
    aws = await AwsStandIn.start(({ path }) => ({
      body: path.startsWith('/v1/brokers')
        ? { brokerState: 'RUNNING', brokerInstances: [{ endpoints: [endpoint()] }] }
        : { SecretString: secret },
    }));
  });
  afterAll(async () => {
    await aws.close();
    await s3.aws.close();
    await guests.end();
    await broker.delete();
    for (const made of stacks.values()) await made.remove();
    await rm(folder, { recursive: true });
  });
  afterEach(async () => {
    await lambda?.end();
  });

  function endpoint(): string {
    return `amqps://localhost:${tlsPort}`;
  }

  /** The template's environment, with references replaced as AWS would do, and AWS's APIs by the stand-in. */
  function local(environment: SynthesizedFunction['environment']): Record<string, string> {
    const { AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager = '', ...credentials } = aws.settings;
    const known: Record<string, string> = {
      BROKER_ENDPOINT: endpoint(),
      BROKER_SECRET_ID: 'broker',
      FLEET_STATE_URL: 's3://fleet/state.json',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager,
    };
    const settings: Record<string, string> = {
      ...credentials,
      AWS_ENDPOINT_URL_S3: s3.aws.settings['AWS_ENDPOINT_URL_S3'] ?? '',
      BROKER_MANAGEMENT_URL: broker.managementUrl, // on Amazon MQ: port 443 of the broker's host
      NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'), // Node trusts Amazon's CA by itself
    };
    // The SDK refuses a redirected endpoint together with the dual-stack address.
    const { AWS_USE_DUALSTACK_ENDPOINT: _, ...redirected } = environment;
    for (const [name, value] of Object.entries(redirected)) {
      const setting = known[name] ?? value;
      if (typeof setting !== 'string') throw new Error(`${name} is known to AWS alone`);
      settings[name] = setting;
    }
    return settings;
  }

  async function stackWith(settings: File): Promise<Synthesized> {
    const key = JSON.stringify(settings);
    const all = { ...settings, brokerVhost: broker.vhost, rpcTimeoutSeconds: 5 };
    const known = stacks.get(key) ?? (await Synthesized.stack(all));
    stacks.set(key, known);
    return known;
  }

  async function start(
    name: string,
    permissions: Permissions,
    { tags = '', settings = NEW }: { tags?: string; settings?: File } = {},
  ): Promise<{ invoke: (event: object) => Promise<unknown> }> {
    const { username, password } = new URL(await broker.user(permissions, tags));
    secret = JSON.stringify({ username, password });
    stack = await stackWith(settings);
    const shipped = stack.function(name);
    const started = await LambdaProcess.start(shipped, local(shipped.environment), () => undefined);
    lambda = started;
    return { invoke: (event) => started.invoke(event) };
  }

  function pingOf(id: string): object {
    const { method, path } = stack.route;
    return { routeKey: `${method} ${path}`, pathParameters: { tenant_id: 'tenant', instance_id: id } };
  }

  async function ping(permissions: Permissions, id = alive, settings: File = NEW) {
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

  test('the synthesized ping without the configure permission is broker_refused', async () => {
    expect(await ping({ ...GRANTED, configure: '^$' })).toMatchObject(
      refusal('a permission that the ping needs'),
    );
  });

  test('the synthesized ping without the read permission is broker_refused', async () => {
    expect(await ping({ ...GRANTED, read: '^$' })).toMatchObject(refusal('a permission that the ping needs'));
  });

  test('the synthesized ping without write permission on the control exchange is broker_refused', async () => {
    const write = GRANTED.write.replace('trove|', '');
    expect(write).not.toBe(GRANTED.write);
    expect(await ping({ ...GRANTED, write })).toMatchObject(refusal('to take the ping'));
  });

  test('the synthesized ping reaches a guest with exactly the permissions that the manual grants', async () => {
    expect(await ping(GRANTED)).toMatchObject({ statusCode: 204 });
  });

  test('the synthesized ping of a stopped guest is no_consumer with the permissions that the manual grants', async () => {
    const stopped = randomUUID();
    await guests.start(stopped);
    await guests.stop(stopped);
    expect(await ping(GRANTED, stopped)).toMatchObject({
      statusCode: 400,
      headers: { 'Proxy-Status': expect.stringContaining('details="no_consumer"') },
    });
  });

  test('the synthesized ping reaches a guest of an existing broker that is set by its id', async () => {
    expect(await ping(GRANTED, alive, EXISTING)).toMatchObject({ statusCode: 204 });
    expect(aws.requests.some(({ path }) => path.endsWith(EXISTING.brokerId))).toBe(true);
  });

  test('the synthesized ping reaches a guest of an existing broker that is set by its endpoint', async () => {
    const { brokerId: _, ...place } = EXISTING;
    expect(await ping(GRANTED, alive, { ...place, brokerEndpoint: ENDPOINT })).toMatchObject({
      statusCode: 204,
    });
  });

  test('the synthesized sweep is fleet_unknown without the tag management', async () => {
    const { invoke } = await start('health-check', GRANTED);
    expect(await invoke({})).toMatchObject({ error: { code: 'fleet_unknown' } });
  });

  test('the synthesized sweep reaches the fleet with the permissions and the tag that the manual grants', async () => {
    const { invoke } = await start('health-check', GRANTED, { tags: 'management' });
    expect(await invoke({})).toMatchObject({ broker_reachable: true, reachable: 1 });
    expect([...s3.objects.keys()]).toEqual(['/fleet/state.json']);
  });

  test("the synthesized ping is not interrupted by the manual's rotation, from one user to a second one", async () => {
    const { invoke } = await start('rpc-ping', GRANTED);
    expect(await invoke(pingOf(alive))).toMatchObject({ statusCode: 204 });
    const first = JSON.parse(secret).username;
    const { username, password } = new URL(await broker.user(GRANTED));
    secret = JSON.stringify({ username, password });
    expect(await invoke(pingOf(alive))).toMatchObject({ statusCode: 204 });
    await broker.request('DELETE', `users/${first}`);
    expect(await invoke(pingOf(alive))).toMatchObject({ statusCode: 204 });
    await broker.request('PUT', `users/${first}`, { password: 'pw', tags: '' }); // for the broker's clean-up to delete
  });
});
