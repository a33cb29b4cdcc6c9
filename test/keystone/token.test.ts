import { expect, test } from '@jest/globals';
import { isKeystoneError, parseToken } from '../../functions/keystone/token.ts';

const TOKEN = {
  expires_at: '2026-11-24T17:00:00.000000Z',
  user: { name: 'boss', id: 'u' },
  project: { id: 'tenant', name: 'Tenant' },
  roles: [{ id: 'r', name: 'reader' }, { name: 'admin' }],
};

function parsed(changes: object) {
  return parseToken(JSON.stringify({ token: { ...TOKEN, ...changes } }));
}

test('a token has an end, a project, a user and roles', () => {
  expect(parsed({})).toEqual({
    expiresAtMs: Date.UTC(2026, 10, 24, 17),
    project: { id: 'tenant', name: 'Tenant' },
    userName: 'boss',
    roles: ['reader', 'admin'],
  });
});

test.each([
  ['unscoped', { project: undefined, roles: undefined }, []],
  ['of a domain', { project: undefined, domain: { id: 'default' } }, ['reader', 'admin']],
  ['of the system', { project: undefined, system: { all: true } }, ['reader', 'admin']],
])('a token that is %s has no project', (_what, changes, roles) => {
  expect(parsed(changes)).toMatchObject({ project: undefined, roles });
});

test.each([
  ['no end', { expires_at: undefined }],
  ['an end that is no time', { expires_at: 'never' }],
  ['no user', { user: undefined }],
  ['a user without a name', { user: { id: 'u' } }],
  ['a project without an id', { project: { name: 'Tenant' } }],
  ['a project that is null', { project: null }],
  ['roles that are names', { roles: ['admin'] }],
  ['roles that are no list', { roles: { name: 'admin' } }],
  ['a role whose name is a number', { roles: [{ name: 1 }] }],
])('a token with %s is none', (_what, changes) => {
  expect(parsed(changes)).toBeUndefined();
});

test.each(['', 'null', '[]', '"token"', '{}', '{"token": null}', '{"token": []}', '<html>'])(
  'the text %j is no token',
  (text) => {
    expect(parseToken(text)).toBeUndefined();
  },
);

test.each([
  ['{"error": {"code": 401, "title": "Unauthorized"}}', 401, true],
  ['{"error": {"code": 404}}', 401, false],
  ['{"error": "no"}', 401, false],
  ['<html>', 401, false],
  ['null', 404, false],
])("whether %s is Keystone's own %d: %s", (text, status, isOwn) => {
  expect(isKeystoneError(text, status)).toBe(isOwn);
});
