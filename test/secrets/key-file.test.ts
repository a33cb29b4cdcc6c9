import { writeFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { KeyFileUnreadable, keyFile } from '../../functions/secrets/key-file.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';

test('a file that names an instance twice is refused, without a key in the message', async () => {
  await using stack = new AsyncDisposableStack();
  const path = stack.adopt(new TemporaryFolder('keys'), (folder) => folder.remove()).file('keys.json');
  await writeFile(path, '{"one": "first", "two": "other", "one": "second"}');
  const why = new KeyFileUnreadable(`GUEST_KEYS_FILE ${path} names an instance twice`);
  await expect(keyFile(path)('two')).rejects.toThrow(why);
});
