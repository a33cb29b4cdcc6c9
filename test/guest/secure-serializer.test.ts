import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeyMismatch, SecureSerializer } from '../../functions/guest/secure-serializer.ts';
import type { Json } from '../../functions/oslo/message.ts';

/** A request and its reply, captured between oslo.messaging's client and a real guest. */
function captured(name: string) {
  const path = join(import.meta.dirname, '..', 'oslo', 'captured', `${name}.json`);
  const { instance_key: key, request, reply } = JSON.parse(readFileSync(path, 'utf8'));
  const message = (body: string) => JSON.parse(JSON.parse(body)['oslo.message']);
  return {
    serializer: new SecureSerializer(key),
    request: message(request.body),
    reply: message(reply.body),
  };
}

describe('key mismatches', () => {
  test('a result of a guest with another key throws KeyMismatch', () => {
    const { serializer, reply } = captured('wrong_key');
    const other = new SecureSerializer('another key');
    expect(() => other.deserializeEntity(reply.result)).toThrow(KeyMismatch);
    expect(() => serializer.deserializeEntity(captured('encrypted_ok').reply.result)).not.toThrow();
  });

  test('a result that is any other text throws KeyMismatch', () => {
    const serializer = new SecureSerializer('key');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
        expect(() => serializer.deserializeEntity(text)).toThrow(KeyMismatch);
      }),
    );
  });

  test('an encrypted value throws KeyMismatch with any key but its own', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.jsonValue(), (ours, theirs, value) => {
        fc.pre(ours !== theirs);
        const context = new SecureSerializer(ours).serializeContext({ value: value as Json });
        expect(() => new SecureSerializer(theirs).deserializeEntity(context)).toThrow(KeyMismatch);
      }),
    );
  });
});

test('the result of a real encrypted guest decrypts to true', () => {
  const { serializer, reply } = captured('encrypted_ok');
  expect(serializer.deserializeEntity(reply.result)).toBe(true);
});

test('the result of a guest in the clear is returned unchanged', () => {
  const { serializer, reply } = captured('encrypted_ping_to_plaintext_guest');
  expect(serializer.deserializeEntity(reply.result)).toBe(true);
});

test("a context that oslo.messaging's client encrypted decrypts to its fields", () => {
  const { serializer, request } = captured('encrypted_ok');
  expect(serializer.deserializeEntity(request._context_context)).toMatchObject({
    user: 'admin',
    is_admin: true,
  });
});

test('a context is encrypted afresh each time, and decrypts to the same fields', () => {
  fc.assert(
    fc.property(fc.string(), fc.dictionary(fc.string(), fc.jsonValue()), (key, value) => {
      const serializer = new SecureSerializer(key);
      const context = JSON.parse(JSON.stringify(value));
      const [first, second] = [serializer.serializeContext(context), serializer.serializeContext(context)];
      expect(first).not.toBe(second);
      expect(serializer.deserializeEntity(first)).toEqual(context); // encrypted JSON, as a reply's result is
    }),
  );
});
