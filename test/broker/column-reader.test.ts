import { expect, test } from '@jest/globals';
import { ColumnReader } from '../../functions/broker/column-reader.ts';

/** Reads a text that arrives in chunks of that many bytes. @returns the values */
async function valuesIn(text: string | Uint8Array, chunkBytes = 1_000_000): Promise<string[]> {
  const bytes = Buffer.from(text);
  const values: string[] = [];
  const reader = new ColumnReader('name', (value) => values.push(value));
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  }
  await reader.read(chunks());
  return values;
}

test.each([
  ['nothing', ''],
  ['HTML', '<html>'],
  ['an object', '{"name":"a"}'],
  ['an error', '{"error":"not_found","reason":"Not Found"}'],
  ['a list of numbers', '[1,2]'],
  ['a list of another column', '[{"other":"a"}]'],
  ['a list with one column more', '[{"name":"a","vhost":"/"}]'],
  ['a list that breaks off between two items', '[{"name":"a"}'],
  ['a list that breaks off within an item', '[{"name":"a"},{"na'],
  ['a list without a comma', '[{"name":"a"} {"name":"b"}]'],
  ['a list that begins with a comma', ',{"name":"a"}]'],
  ['a list within a list', '[{"name":"a"}[{"name":"b"}]]'],
  ['a list with something behind', '[{"name":"a"}]]'],
  ['an escape that JSON does not have', '[{"name":"\\x"}]'],
  ['a name without end', `[{"name":"${'a'.repeat(10_000)}`],
  ['bytes that are no UTF-8', Buffer.from([0x5b, 0xff, 0xff])],
])('%s is recognised as no list', async (_what, text) => {
  await expect(valuesIn(text)).rejects.toThrow('no list');
});

test('a list that goes on beyond 64 MiB is too long', async () => {
  const chunk = Buffer.from(`[{"name":"a"}${',{"name":"a"}'.repeat(5000)}`);
  const more = chunk.subarray('[{"name":"a"}'.length);
  async function* endless() {
    yield chunk;
    for (;;) yield more;
  }
  await expect(new ColumnReader('name', () => undefined).read(endless())).rejects.toThrow('far too long');
});

test('a broken stream is reported as such, and not as a malformed list', async () => {
  async function* breaking() {
    yield Buffer.from('[{"name":"a"},');
    throw new TypeError('terminated');
  }
  await expect(new ColumnReader('name', () => undefined).read(breaking())).rejects.toThrow('terminated');
});

test.each([1, 2, 7, 1_000_000])(
  'a list that arrives in chunks of %s bytes is read whole, whatever the names',
  async (chunkBytes) => {
    const names = ['a', '', 'q"u}o,t[e', 'back\\slash', 'Ünïcödé 🐇', '\u0001', 'x'.repeat(255)];
    const list = names.map((name) => ({ name }));
    await expect(valuesIn(JSON.stringify(list), chunkBytes)).resolves.toEqual(names);
    await expect(valuesIn(JSON.stringify(list, null, 2), chunkBytes)).resolves.toEqual(names);
    await expect(valuesIn('[]', chunkBytes)).resolves.toEqual([]);
    await expect(valuesIn(' [ ] \n', chunkBytes)).resolves.toEqual([]);
  },
);
