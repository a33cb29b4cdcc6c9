import { expect, test } from '@jest/globals';
import { readConfig } from '../../functions/settings/config.ts';
import { InvalidConfig } from '../../functions/settings/variables.ts';

test.each([
  [{}, 'BROKER_URL, BROKER_ENDPOINT or BROKER_ID must be set'],
  [{ BROKER_URL: '', BROKER_ENDPOINT: '' }, 'BROKER_URL, BROKER_ENDPOINT or BROKER_ID must be set'],
  [{ BROKER_URL: 'https://user:hunter2@host' }, 'BROKER_URL is not an amqp:// or amqps:// URL'],
  [
    { BROKER_URL: 'amqp://u:hunter2@h1:1,u:hunter2@h2:2/' },
    'BROKER_URL names more than one broker: give one, or the balancer before them',
  ],
  [
    { BROKER_URL: 'amqp://u:1#x@h/' },
    'BROKER_URL has a user name, password or virtual host with a character that must be percent-encoded: one of : / ? # [ ] @ %',
  ],
  [
    { BROKER_URL: 'amqps://h', NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    'NODE_TLS_REJECT_UNAUTHORIZED=0 is not allowed: it lets anyone pose as the broker',
  ],
  [
    { BROKER_ENDPOINT: 'host:5671', BROKER_SECRET_ID: 's' },
    'BROKER_ENDPOINT is not an amqps://host:port URL',
  ],
  [
    { BROKER_ENDPOINT: 'amqp://host:5672', BROKER_SECRET_ID: 's' },
    'BROKER_ENDPOINT is not an amqps://host:port URL',
  ],
  [
    { BROKER_URL: 'amqp://h', CONTROL_EXCHANGE: 'é'.repeat(128) },
    'CONTROL_EXCHANGE has a name of more than 255 bytes',
  ],
  [{ BROKER_URL: `amqp://h/${'v'.repeat(256)}` }, 'BROKER_URL has a name of more than 255 bytes'],
  [
    { BROKER_ENDPOINT: 'amqps://h', BROKER_SECRET_ID: 's', BROKER_VHOST: 'v'.repeat(256) },
    'BROKER_VHOST has a name of more than 255 bytes',
  ],
  [{ BROKER_ENDPOINT: 'amqps://host:5671' }, 'BROKER_SECRET_ID must be set, unless BROKER_URL is'],
  [
    { BROKER_URL: 'amqp://h', RPC_TIMEOUT_SECONDS: 'soon' },
    'RPC_TIMEOUT_SECONDS is not a number of seconds up to 900',
  ],
  [
    { BROKER_URL: 'amqp://h', RPC_TIMEOUT_SECONDS: '0' },
    'RPC_TIMEOUT_SECONDS is not a number of seconds up to 900',
  ],
  [
    { BROKER_URL: 'amqp://h', RPC_TIMEOUT_SECONDS: '-1' },
    'RPC_TIMEOUT_SECONDS is not a number of seconds up to 900',
  ],
])('the environment %j is refused with the name of the setting, and without its value', (env, message) => {
  expect(() => readConfig(env)).toThrow(new InvalidConfig(message));
});

test('a setting that is unset has its default', () => {
  expect(readConfig({ BROKER_URL: 'amqp://h' })).toMatchObject({
    controlExchange: 'trove',
    rpcTimeoutMs: 15_000,
  });
});

test('BROKER_URL wins over the endpoint, and fractions of seconds are allowed', () => {
  const env = { BROKER_URL: 'amqp://local', BROKER_ENDPOINT: 'amqps://h:5671', RPC_TIMEOUT_SECONDS: '0.25' };
  expect(readConfig(env)).toMatchObject({ broker: { address: { hostname: 'local' } }, rpcTimeoutMs: 250 });
});

test('a broker on Amazon MQ is set by an endpoint, a secret and a virtual host', () => {
  const env = { BROKER_ENDPOINT: 'amqps://h:5671', BROKER_SECRET_ID: 'arn', BROKER_VHOST: 'v' };
  expect(readConfig(env).broker).toEqual({
    broker: { endpoint: { protocol: 'amqps', hostname: 'h', port: 5671 }, id: undefined },
    secretId: 'arn',
    vhost: 'v',
  });
});
