import { expect, test } from '@jest/globals';
import { readConfig } from '../../functions/settings/config.ts';
import { InvalidConfig } from '../../functions/settings/variables.ts';

function settings(env: Record<string, string>) {
  return readConfig({ BROKER_URL: 'amqp://h', ...env }).keystone;
}

test.each([
  'keystone.example/v3',
  'https://keystone.example',
  'https://keystone.example/v2.0',
  'https://user:hunter2@keystone.example/v3',
  'https://keystone.example/v3?x=y',
  'http://keystone.example/v3',
  'http://127.evil.example/v3',
  'http://127.0.0.1.evil.example/v3',
])('KEYSTONE_URL may not be %s', (url) => {
  const refusal = new InvalidConfig('KEYSTONE_URL is not an https://…/v3 URL without a login in it');
  expect(() => settings({ KEYSTONE_URL: url })).toThrow(refusal);
});

test.each([',', 'admin,', ' '])('KEYSTONE_ADMIN_ROLES may not be "%s"', (roles) => {
  const refusal = new InvalidConfig('KEYSTONE_ADMIN_ROLES is not a list of roles, joined by commas');
  expect(() => settings({ KEYSTONE_URL: 'https://k/v3', KEYSTONE_ADMIN_ROLES: roles })).toThrow(refusal);
});

test('without KEYSTONE_URL there is no Keystone', () => {
  expect(settings({ KEYSTONE_ADMIN_ROLES: 'admin' })).toBeUndefined();
});

test.each([
  'https://k/identity/v3',
  'https://k:5000/v3/',
  'http://127.0.0.1:5000/v3',
  'http://[::1]/v3',
  'http://localhost:1/v3',
])('KEYSTONE_URL may be %s, and admin is the role that counts', (url) => {
  expect(settings({ KEYSTONE_URL: url })).toEqual({ url: url.replace(/\/$/, ''), adminRoles: ['admin'] });
});

test('several roles may count as admin, in whatever case', () => {
  const env = { KEYSTONE_URL: 'https://k/v3', KEYSTONE_ADMIN_ROLES: 'Admin, db_Operator' };
  expect(settings(env)).toMatchObject({ adminRoles: ['admin', 'db_operator'] });
});
