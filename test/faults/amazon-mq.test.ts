import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { type AwsAnswer, AwsStandIn } from '../setup/aws-stand-in.ts';
import { eventually } from '../setup/eventually.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';

const GRANTED = { configure: '^reply_.*', write: '^trove$', read: '^reply_.*' };

let broker: TestBroker;
let aws: AwsStandIn;
let fn: FunctionUnderTest | undefined;
/** Secrets Manager's and Amazon MQ's answers; each test sets its own. */
let secret: AwsAnswer;
let description: AwsAnswer;
const alive = randomUUID();

beforeAll(async () => {
  broker = await TestBroker.create();
  await respond(await broker.channel(), alive, ({ reply }) => reply());
  aws = await AwsStandIn.start(({ path }) => (path.startsWith('/v1/brokers') ? description : secret));
});
afterAll(async () => {
  await aws.close();
  await broker.delete();
});
beforeEach(() => {
  aws.requests.length = 0;
});
afterEach(async () => {
  await fn?.end();
  fn = undefined;
});

function holds(username: string, password: string): AwsAnswer {
  return { body: { Name: 'broker', SecretString: JSON.stringify({ username, password }) } };
}

async function start(settings: Record<string, string>): Promise<FunctionUnderTest> {
  fn = await FunctionUnderTest.start({
    BROKER_SECRET_ID: 'broker',
    BROKER_VHOST: broker.vhost,
    RPC_TIMEOUT_SECONDS: '5',
    ...aws.settings,
    ...settings,
  });
  return fn;
}

function endpoint(): string {
  const { host } = new URL(broker.url);
  return `amqp://${host}`;
}

function secretReads(): number {
  return aws.requests.filter(({ headers }) => headers['x-amz-target'] === 'secretsmanager.GetSecretValue')
    .length;
}

describe('credentials', () => {
  test('the secret with the credentials is read once for many pings', async () => {
    secret = holds('guest', 'guest');
    const under = await start({ BROKER_ENDPOINT: endpoint() });
    for (let time = 0; time < 3; time++) expect(await under.ping(alive)).toMatchObject({ status: 204 });
    expect(secretReads()).toBe(1);
  });

  test('credentials that the broker refuses are read again, exactly once for each connection', async () => {
    secret = holds('guest', 'hunter2');
    const under = await start({ BROKER_ENDPOINT: endpoint() });
    await eventually(
      async () => secretReads(),
      (reads) => reads === 2,
    ); // both by the connection that begins while the module loads
    const { status, body } = await under.ping(alive);
    expect([status, body]).toEqual([
      400,
      expect.stringContaining('The broker refused the user name or password'),
    ]);
    expect(secretReads()).toBeLessThanOrEqual(4);
    expect(under.output + body).not.toContain('hunter2');
  });

  test('credentials may be rotated while a connection lives: the next connection uses the new ones', async () => {
    const url = new URL(await broker.user(GRANTED));
    secret = holds(url.username, 'pw');
    const under = await start({ BROKER_ENDPOINT: endpoint() });
    expect(await under.ping(alive)).toMatchObject({ status: 204 });

    await broker.request('PUT', `users/${url.username}`, { password: 'rotated', tags: '' });
    secret = holds(url.username, 'rotated');
    expect(await under.ping(alive)).toMatchObject({ status: 204 }); // RabbitMQ lets a connection live on
    await closeConnectionsOf(url.username);
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
    expect(secretReads()).toBe(2);
    expect(under.output).not.toMatch(/rotated|"pw"/);
  });

  test('a secret that cannot be read, or has no credentials, is answered 500 with the cause', async () => {
    secret = { status: 400, body: { __type: 'AccessDeniedException' } };
    const under = await start({ BROKER_ENDPOINT: endpoint() });
    expect(await under.ping(alive)).toMatchObject({
      status: 500,
      body: '{"instanceFault": {"message": "The secret broker cannot be read: AccessDeniedException", "code": 500}}',
    });
    secret = { body: { SecretString: '{"user": "u", "password": "hunter2"}' } };
    expect(await under.ping(alive)).toMatchObject({
      status: 500,
      body: '{"instanceFault": {"message": "The broker secret has no username and password", "code": 500}}',
    });
    expect(under.output).not.toContain('hunter2');
    secret = holds('guest', 'guest');
    expect(await under.ping(alive)).toMatchObject({ status: 204 });
  });
});

describe('a broker id', () => {
  test("the endpoint of a broker that is set by id alone comes from Amazon MQ, by the SDK's own client", async () => {
    secret = holds('guest', 'guest');
    const Endpoints = ['mqtt+ssl://127.0.0.1:1', `amqps://127.0.0.1:${await freePort()}`];
    description = { body: { brokerState: 'RUNNING', brokerInstances: [{ endpoints: Endpoints }] } };
    const under = await start({ BROKER_ID: 'b-1234' });
    const { body } = await under.ping(alive);
    expect(body).toContain('The broker cannot be reached (connection refused, Amazon MQ says RUNNING)');
    const asked = aws.requests.find(({ path }) => path.startsWith('/v1/brokers'));
    expect(asked).toMatchObject({ method: 'GET', path: '/v1/brokers/b-1234', body: '' });
    expect(asked?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/mq\/aws4_request/,
    );
  });

  test('a broker id that Amazon MQ does not know is answered 500 with that id', async () => {
    secret = holds('guest', 'guest');
    description = { status: 404, body: { errorAttribute: 'broker-id', message: 'no' } };
    const under = await start({ BROKER_ID: 'b-none' });
    const { status, body } = await under.ping(alive);
    expect([status, body]).toEqual([
      500,
      expect.stringContaining('Amazon MQ does not describe the broker b-none'),
    ]);
  });
});

describe('an unreachable broker', () => {
  test('the state of an unreachable broker is in the answer and in the log', async () => {
    secret = holds('guest', 'guest');
    description = { body: { brokerState: 'REBOOT_IN_PROGRESS' } };
    const under = await start({
      BROKER_ENDPOINT: `amqp://127.0.0.1:${await freePort()}`,
      BROKER_ID: 'b-1234',
    });
    const { status, body } = await under.ping(alive);
    const cause = 'The broker cannot be reached (connection refused, Amazon MQ says REBOOT_IN_PROGRESS)';
    expect([status, body]).toEqual([400, expect.stringContaining(cause)]);
    const { log } = await under.telemetry(alive);
    expect(log).toMatchObject([{ reason: 'broker_unreachable', cause }]);
  });

  test('an unreachable broker is broker_unreachable also when Amazon MQ does not answer for its state', async () => {
    secret = holds('guest', 'guest');
    const { promise: never } = Promise.withResolvers<AwsAnswer>();
    aws.answer = ({ path }) => (path.startsWith('/v1/brokers') ? never : secret);
    const settings = {
      BROKER_ENDPOINT: `amqp://127.0.0.1:${await freePort()}`,
      BROKER_ID: 'b',
      RPC_TIMEOUT_SECONDS: '1',
    };
    const under = await start(settings);
    expect(await under.ping(alive)).toMatchObject({
      status: 400,
      body: expect.stringContaining('The broker cannot be reached (connection refused).'),
    });
  });
});

async function closeConnectionsOf(username: string): Promise<void> {
  const ofUser = ({ user }: { user?: string }) => user === username;
  const list = () => broker.list('connections') as Promise<{ name: string; user?: string }[]>;
  const connections = await eventually(list, (all) => all.some(ofUser));
  for (const { name } of connections.filter(ofUser)) {
    await broker.request('DELETE', `connections/${encodeURIComponent(name)}`);
  }
}
