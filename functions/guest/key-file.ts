import { readFile } from 'node:fs/promises';

/** The file of keys cannot be read, or is not a JSON object of texts. Its content is not told. */
export class KeyFileUnreadable extends Error {
  readonly code = 'KeyFileUnreadable';
}

/**
 * Looks up an instance's RPC key in a JSON file `{"<instance_id>": "<key>"}`.
 *
 * @returns undefined when it is not in there
 * @throws KeyFileUnreadable
 */
export async function readKeyFile(path: string, instanceId: string): Promise<string | undefined> {
  const keys = await readFile(path, 'utf8')
    .then((text): unknown => JSON.parse(text))
    .catch(() => undefined);
  if (typeof keys !== 'object' || keys === null)
    throw new KeyFileUnreadable('GUEST_KEYS_FILE is not a file of keys');
  const key: unknown = Object.entries(keys).find(([id]) => id === instanceId)?.[1];
  if (key === undefined || typeof key === 'string') return key;
  throw new KeyFileUnreadable('GUEST_KEYS_FILE holds a key that is not text');
}
