import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pingRequest } from '../../functions/guest/ping.ts';
import { SecureSerializer } from '../../functions/guest/secure-serializer.ts';

const IDS = { msgId: 'a', replyQueue: 'reply_a', uniqueId: 'b' };

test('a ping has the same request context in the clear and encrypted, with any tenant', () => {
  const serializer = new SecureSerializer('key');
  fc.assert(
    fc.property(fc.option(fc.string()), (tenantId) => {
      const context = { tenantId, requestId: 'req-1' };
      const [clear, encrypted] = [pingRequest(context), pingRequest(context, serializer)].map((request) =>
        JSON.parse(JSON.parse(request.body(IDS).toString())['oslo.message']),
      );
      const decrypted = serializer.deserializeEntity(encrypted._context_context);
      const named = Object.entries(Object(decrypted)).map(([key, value]) => [`_context_${key}`, value]);
      const { _context_context: _, ...call } = encrypted;
      expect(clear).toEqual({ ...call, ...Object.fromEntries(named) });
      expect(clear).toMatchObject({ _context_project_id: tenantId, _context_request_id: 'req-1' });
    }),
  );
});
