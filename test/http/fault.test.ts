import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { guestFault, instanceFault, instanceNotFound, routeNotFound } from '../../functions/http/fault.ts';

test("a guest fault is the blueprint's JSON, byte for byte", () => {
  const cause =
    'Timeout while waiting on RPC response - topic: "guestagent.<id>", RPC method: "rpc_ping" info: "<unknown>"';
  expect(guestFault(cause)).toMatchObject({
    statusCode: 400,
    message:
      '{"badRequest": {"message": "An error occurred communicating with the guest: Timeout while waiting on RPC ' +
      'response - topic: \\"guestagent.<id>\\", RPC method: \\"rpc_ping\\" info: \\"<unknown>\\".", "code": 400}}',
  });
});

test('an unknown instance, an unknown route and a fault of the function have bodies of their own', () => {
  expect(instanceNotFound('X').message).toBe(
    '{"itemNotFound": {"message": "Resource X cannot be found.", "code": 404}}',
  );
  expect(routeNotFound().message).toBe(
    '{"itemNotFound": {"message": "The resource could not be found.", "code": 404}}',
  );
  expect(instanceFault('Oops.').message).toBe('{"instanceFault": {"message": "Oops.", "code": 500}}');
});

test('any text in a fault is ASCII JSON, and parses to the same text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const body = instanceFault(text).message;
      expect(body).toMatch(/^[\0-\x7f]*$/);
      expect(JSON.parse(body)).toEqual({ instanceFault: { message: text, code: 500 } });
    }),
  );
});

test('a character beyond ASCII is escaped as by Python', () => {
  expect(instanceFault('é 🐘').message).toContain('"\\u00e9 \\ud83d\\udc18"');
});
