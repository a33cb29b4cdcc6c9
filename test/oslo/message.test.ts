import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeReply, RpcRequest } from '../../functions/oslo/message.ts';
import { encodeReply } from '../setup/responder.ts';

const CAPTURED = join(import.meta.dirname, 'captured');

function captured(name: string) {
  return JSON.parse(readFileSync(join(CAPTURED, name), 'utf8'));
}

function decode(body: string | Buffer) {
  return decodeReply(Buffer.from(body).toString());
}

describe('unreadable replies', () => {
  test.each([
    ['nothing', ''],
    ['not JSON', 'pong'],
    ['a JSON list', '[1]'],
    ['JSON null', 'null'],
    ['no envelope', '{"result": true, "_msg_id": "a"}'],
    ['an envelope around nothing', '{"oslo.version": "2.0"}'],
    [
      'an envelope around an object instead of text',
      '{"oslo.version": "2.0", "oslo.message": {"_msg_id": "a"}}',
    ],
    ['an envelope around broken JSON', '{"oslo.version": "2.0", "oslo.message": "{"}'],
    ['no _msg_id', '{"oslo.version": "2.0", "oslo.message": "{\\"result\\": true}"}'],
    ['a _msg_id that is no string', '{"oslo.version": "2.0", "oslo.message": "{\\"_msg_id\\": 1}"}'],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x7b])],
  ])('a reply of %s is unreadable, and belongs to no call', (_what, body) => {
    expect(decode(body)).toMatchObject({ kind: 'unreadable', msgId: undefined });
  });

  test.each([
    ['envelope version 3.0', encodeReply('a').replace('"2.0"', '"3.0"')],
    ['envelope version 2.1', encodeReply('a').replace('"2.0"', '"2.1"')],
    ['a version that is a number', encodeReply('a').replace('"2.0"', '2.0')],
    ['"ending" that is text', encodeReply('a', { ending: 'true' })],
    ['"failure" that is no JSON', encodeReply('a', { failure: 'boom' })],
    ['"failure" that is an object, not text', encodeReply('a', { failure: { class: 'E' } })],
    ['"failure" without a class', encodeReply('a', { failure: '{"message": "boom"}' })],
    ['"failure" whose message is a number', encodeReply('a', { failure: '{"class": "E", "message": 1}' })],
    ['"failure" whose traceback is text', encodeReply('a', { failure: '{"class": "E", "tb": "x"}' })],
  ])('a reply with %s is unreadable, and belongs to its call', (_what, body) => {
    expect(decode(body)).toMatchObject({ kind: 'unreadable', msgId: 'a' });
  });

  test.each(['NaN', 'Infinity', '-Infinity'])(
    'a failure with the number %s, as Python writes it, is read',
    (number) => {
      const failure = `{"class": "E", "message": "\\"NaN, \\\\", "args": [1, ${number}], "kwargs": {"a": ${number}}}`;
      expect(decode(encodeReply('a', { failure }))).toMatchObject({ failure: { message: '"NaN, \\' } });
    },
  );

  test('decoding a reply never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        (bytes) => void decodeReply(Buffer.from(bytes).toString()),
      ),
    );
  });

  test('decoding a reply never throws, whatever the JSON', () => {
    const inner = fc.dictionary(
      fc.constantFrom('result', 'failure', 'ending', '_msg_id', '_unique_id', '__proto__'),
      fc.oneof(fc.jsonValue(), fc.json()),
    );
    const body = fc.tuple(
      fc.constantFrom('2.0', '1.0', 2, null),
      fc.oneof(
        inner.map((v) => JSON.stringify(v)),
        fc.jsonValue(),
      ),
    );
    fc.assert(
      fc.property(body, ([version, message]) => {
        const reply = decode(JSON.stringify({ 'oslo.version': version, 'oslo.message': message }));
        expect(['reply', 'unreadable']).toContain(reply.kind);
        if (reply.kind === 'reply') expect(typeof reply.msgId).toBe('string');
      }),
    );
  });
});

describe('readable replies', () => {
  test('a reply decodes to its _msg_id and to any result that JSON can carry', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.boolean(), (msgId, value, ending) => {
        const result = JSON.parse(JSON.stringify(value));
        expect(decode(encodeReply(msgId, { result, ending }))).toEqual({
          kind: 'reply',
          msgId,
          result,
          failure: undefined,
          ending,
        });
      }),
    );
  });

  test('a reply of a real guest decodes to true', () => {
    const { request, reply } = captured('plaintext_ok.json');
    const asked = JSON.parse(JSON.parse(request.body)['oslo.message']);
    expect(decode(reply.body)).toMatchObject({
      kind: 'reply',
      msgId: asked._msg_id,
      result: true,
      ending: true,
    });
  });

  test('a failure of a real guest decodes to its exception, with the traceback apart from the message', () => {
    const reply = decode(captured('fail_foreign.json').reply.body);
    expect(reply).toMatchObject({
      failure: { class: 'DockerException', module: 'docker.errors', message: 'boom docker' },
    });
    expect(reply).toHaveProperty(
      'failure.traceback',
      expect.stringMatching(/^Traceback \(most recent call last\):/),
    );
  });

  test.each(readdirSync(CAPTURED))('the captured reply in %s can be decoded', (name) => {
    expect(decode(captured(name).reply.body)).toMatchObject({ kind: 'reply' });
  });
});

test("a request has the same keys and values as that of oslo.messaging's own client", () => {
  const { request } = captured('plaintext_ok.json');
  const message = JSON.parse(JSON.parse(request.body)['oslo.message']);
  const isContext = ([key]: [string, unknown]) => key.startsWith('_context_');
  const context = Object.fromEntries(
    Object.entries(message)
      .filter(isContext)
      .map(([key, value]) => [key.slice('_context_'.length), value]),
  );
  const ids = { msgId: message._msg_id, replyQueue: message._reply_q, uniqueId: message._unique_id };
  const ours = RpcRequest.of({ method: 'rpc_ping', args: {}, version: '1.0', context: context as never });
  const { 'oslo.message': text, ...envelope } = JSON.parse(ours.body(ids).toString());
  expect(envelope).toEqual({ 'oslo.version': '2.0' });
  expect(JSON.parse(text)).toEqual(message);
});

test('a request carries any text of its context unchanged', () => {
  const ids = { msgId: 'a', replyQueue: 'reply_a', uniqueId: 'b' };
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string()), (context) => {
      const ours = RpcRequest.of({ method: 'm', args: {}, version: '1.0', context });
      const message = JSON.parse(JSON.parse(ours.body(ids).toString())['oslo.message']);
      for (const [key, value] of Object.entries(context)) expect(message[`_context_${key}`]).toBe(value);
    }),
  );
});
