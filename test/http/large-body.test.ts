import { gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { bodyOf } from '../../functions/http/large-body.ts';

function* lines(count: number, line: string): Iterable<string> {
  for (let index = 0; index < count; index++) yield line;
}

test.each([0, 1, 100_000])('a body of %d lines is the same compressed and not', async (count) => {
  const plain = await bodyOf(lines(count, 'grün "1"\n'), false);
  const compressed = await bodyOf(lines(count, 'grün "1"\n'), true);
  expect(plain).toEqual({ body: 'grün "1"\n'.repeat(count) });
  expect(compressed.isBase64Encoded).toBe(true);
  expect(gunzipSync(Buffer.from(compressed.body, 'base64')).toString()).toBe(plain.body);
});

test('a body that would be too large in JSON is refused before it is whole', async () => {
  let made = 0;
  function* quotes() {
    for (; made < 1_000_000; made++) yield '"'.repeat(1024);
  }
  await expect(bodyOf(quotes(), false)).rejects.toMatchObject({ code: 'body_too_large' });
  expect(made).toBeLessThan(4000); // of 3 KiB: each quote is two bytes
});

test('a body that is too large even compressed is refused before it is whole', async () => {
  let made = 0;
  function* noise() {
    for (; made < 1_000_000; made++) yield crypto.randomUUID();
  }
  await expect(bodyOf(noise(), true)).rejects.toMatchObject({ code: 'body_too_large' });
  expect(made).toBeLessThan(500_000);
});
