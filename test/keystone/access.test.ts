import { expect, test } from '@jest/globals';
import { requireAccess } from '../../functions/keystone/access.ts';

const PROJECT = { id: 'tenant', name: 'Tenant' };

function codeOf(project: typeof PROJECT | undefined, roles: string[], tenant: string | undefined): unknown {
  const token = { expiresAtMs: Date.now(), userName: 'boss', project, roles };
  try {
    requireAccess(token, tenant, ['admin', 'db_operator']);
  } catch (error) {
    return Object(error).code;
  }
  return 'let in';
}

test.each([
  [PROJECT, ['admin'], 'tenant', 'let in'],
  [PROJECT, ['reader', 'Admin'], 'tenant', 'let in'],
  [PROJECT, ['DB_OPERATOR'], 'tenant', 'let in'],
  [PROJECT, ['reader'], 'tenant', 'not_admin'],
  [PROJECT, ['administrator'], 'tenant', 'not_admin'],
  [PROJECT, [], 'tenant', 'not_admin'],
  [PROJECT, ['admin'], 'other', 'foreign_project'],
  [PROJECT, ['admin'], 'Tenant', 'foreign_project'],
  [PROJECT, ['admin'], undefined, 'foreign_project'],
  [PROJECT, [], 'other', 'foreign_project'],
  [undefined, ['admin'], 'tenant', 'foreign_project'],
  [undefined, ['admin'], undefined, 'foreign_project'],
])('a token of %j with the roles %j, asking for %s: %s', (project, roles, tenant, outcome) => {
  expect(codeOf(project, roles, tenant)).toBe(outcome);
});
