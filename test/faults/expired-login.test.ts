import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { AwsStandIn } from '../setup/aws-stand-in.ts';
import { eventually } from '../setup/eventually.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';

// A user of OAuth 2.0, whose password is a token. RabbitMQ keeps a connection whose token expires, and refuses what is done on
// it.

const KEY = 'a key for the tokens of this test';
const SETTINGS = [
  '{ok, _} = application:ensure_all_started(rabbitmq_auth_backend_oauth2)',
  'application:set_env(rabbitmq_auth_backend_oauth2, resource_server_id, <<"rabbitmq">>)',
  `application:set_env(rabbitmq_auth_backend_oauth2, key_config, [{signing_keys, #{<<"key">> => {map, #{<<"kty">> => <<"oct">>, <<"k">> => <<"${base64url(KEY)}">>}}}}])`,
  'application:set_env(rabbit, auth_backends, [rabbit_auth_backend_internal, rabbit_auth_backend_oauth2])',
];
const SCOPE = [
  'rabbitmq.configure:*/*',
  'rabbitmq.write:*/*/*',
  'rabbitmq.read:*/*',
  'rabbitmq.tag:management',
];
/** How long a token lives, in seconds: long enough for one connection to be made. */
const LIFE_S = 4;
const alive = randomUUID();

let rabbit: RabbitMqServer;
let broker: TestBroker;

beforeAll(async () => {
  rabbit = await RabbitMqServer.start();
  await rabbit.eval(SETTINGS.join(', '));
  broker = await TestBroker.create(rabbit);
  await respond(await broker.channel(), alive, ({ reply }) => reply());
});
afterAll(async () => {
  await broker?.delete();
  await rabbit?.stop();
});

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function tokenFor(seconds: number): string {
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const parts = [
    { alg: 'HS256', kid: 'key' },
    { sub: 'rpc-ping', aud: ['rabbitmq'], exp, scope: SCOPE },
  ];
  const signed = parts.map((part) => base64url(JSON.stringify(part))).join('.');
  return `${signed}.${createHmac('sha256', KEY).update(signed).digest('base64url')}`;
}

function urlWith(token: string): string {
  return broker.url.replace('guest:guest', `rpc-ping:${token}`);
}

/** RabbitMQ looks at whole seconds of this machine's clock. */
async function lifeOf(token: string): Promise<void> {
  const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  await eventually(
    async () => Date.now() / 1000 - exp,
    (overS) => overS > 1,
  );
}

test.concurrent('a token that expires on an open connection is a refused login', async () => {
  const token = tokenFor(LIFE_S);
  await using fn = await FunctionUnderTest.start({ BROKER_URL: urlWith(token), RPC_TIMEOUT_SECONDS: '5' });
  await lifeOf(token);
  for (const attempt of [1, 2]) {
    const { body } = await fn.ping(alive);
    expect([attempt, body]).toEqual([attempt, expect.stringContaining('refused the user name or password')]);
  }
});

test.concurrent('a token that expires on an open connection is replaced by that in the secret, for a ping and a sweep', async () => {
  const tokens: string[] = [];
  await using aws = await AwsStandIn.start(() => {
    const password = tokenFor(LIFE_S);
    tokens.push(password);
    return { body: { SecretString: JSON.stringify({ username: 'rpc-ping', password }) } };
  });
  const settings = {
    BROKER_ENDPOINT: `amqp://${new URL(broker.url).host}`,
    BROKER_VHOST: broker.vhost,
    BROKER_SECRET_ID: 'broker',
    BROKER_MANAGEMENT_URL: broker.managementUrl,
    RPC_TIMEOUT_SECONDS: '5',
    ...aws.settings,
  };
  await using fn = await FunctionUnderTest.start(settings);
  await using healthCheck = await HealthCheckUnderTest.start(settings);
  const asked = tokens.length;
  await lifeOf(tokens.at(-1) ?? '');
  expect(await fn.ping(alive)).toMatchObject({ status: 204 });
  expect((await healthCheck.sweep()).summary).toMatchObject({ checked: 1, reachable: 1 });
  expect(tokens).toHaveLength(asked + 2);
});
