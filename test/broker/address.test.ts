import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseAddress, parseCredentials, parseEndpoint } from '../../functions/broker/address.ts';

test.each([
  ['', 'malformed'],
  ['localhost', 'malformed'],
  ['http://localhost', 'malformed'],
  ['amqp://', 'malformed'],
  ['amqps:///vhost', 'malformed'],
  ['amqp:localhost', 'malformed'],
  ['amqp://h:99999', 'malformed'],
  ['amqp://a:b@h1:1,a:b@h2:2/', 'several_brokers'],
  ['amqp://a:b@h1,h2/', 'several_brokers'],
  ['amqp://h1,h2', 'several_brokers'],
  ['amqp://u:%zz@h', 'not_escaped'],
  ['amqp://u:1#x@h/', 'not_escaped'],
  ['amqp://u:1?x@h/', 'not_escaped'],
  ['amqp://u:1/x@h/', 'not_escaped'],
  ['amqp://u:x#y@h/', 'not_escaped'],
  ['amqp://u:x@y@h/', 'not_escaped'],
  ['amqp://u:p@h/v#w', 'not_escaped'],
])('the address %j is %s', (text, problem) => {
  expect(parseAddress(text)).toBe(problem);
});

test('a comma in a password, and an @ in a virtual host, need no escape', () => {
  expect(parseAddress('amqp://u:p,w@h/v@w')).toMatchObject({ password: 'p,w', hostname: 'h', vhost: 'v@w' });
});

test("an address has RabbitMQ's defaults for port, virtual host and login", () => {
  const address = {
    protocol: 'amqp',
    hostname: 'h',
    port: 5672,
    vhost: '/',
    username: 'guest',
    password: 'guest',
  };
  expect(parseAddress('amqp://h')).toEqual(address);
  expect(parseAddress('amqp://h/')).toEqual(address);
  expect(parseAddress('amqp://h/%2F')).toEqual(address);
  expect(parseEndpoint('amqps://b-1.mq.us-east-1.on.aws')).toMatchObject({ protocol: 'amqps', port: 5671 });
  expect(parseEndpoint('amqp://[::1]:1')).toEqual({ protocol: 'amqp', hostname: '::1', port: 1 });
});

test('the user, password and virtual host of an address may have any character, percent-encoded', () => {
  const part = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => text.isWellFormed());
  const vhost = part.filter((text) => text !== '.' && text !== '..'); // no URL can have these as its path
  fc.assert(
    fc.property(part, part, vhost, (username, password, vhost) => {
      const [user, pass, path] = [username, password, vhost].map(encodeURIComponent);
      expect(parseAddress(`amqps://${user}:${pass}@h:1/${path}`)).toMatchObject({
        username,
        password,
        vhost,
      });
    }),
  );
});

test('a secret without a user name and a password gives no credentials', () => {
  expect(parseCredentials('{"username": "u", "password": "p", "other": 1}')).toEqual({
    username: 'u',
    password: 'p',
  });
  for (const text of ['', 'null', '[]', '{}', '{"username": "u"}', '{"username": 1, "password": "p"}']) {
    expect(parseCredentials(text)).toBeUndefined();
  }
});
