import { expect, test } from '@jest/globals';
import {
  foreignProjectFault,
  keystoneFault,
  notAdminFault,
  unauthenticatedFault,
} from '../../functions/keystone/keystone-fault.ts';

const CHALLENGE = { 'WWW-Authenticate': 'Keystone uri="https://keystone.example/identity"' };

test("who has no good token is answered in keystonemiddleware's words, byte for byte", () => {
  expect(unauthenticatedFault('https://keystone.example/identity/v3')).toMatchObject({
    statusCode: 401,
    headers: CHALLENGE,
    message:
      '{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}',
  });
});

test("who is no admin is answered in Trove's words, the code first", () => {
  expect(notAdminFault('https://keystone.example/identity/v3')).toMatchObject({
    statusCode: 401,
    headers: CHALLENGE,
    message: '{"unauthorized": {"code": 401, "message": "User does not have admin privileges."}}',
  });
});

test.each([
  ['c0ffee', 'c0ffee'],
  [undefined, 'None'],
])('a token of the project %s is named as Python does', (id, shown) => {
  expect(foreignProjectFault(id)).toMatchObject({
    statusCode: 403,
    message: `{"forbidden": {"message": "User with tenant id ${shown} cannot access this resource.", "code": 403}}`,
  });
});

test("Keystone's trouble is 503", () => {
  expect(keystoneFault()).toMatchObject({
    statusCode: 503,
    message:
      '{"serviceUnavailable": {"message": "The Keystone service is temporarily unavailable.", "code": 503}}',
  });
});
