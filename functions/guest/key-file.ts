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
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new KeyFileUnreadable(`GUEST_KEYS_FILE ${path} cannot be read: ${error.code}`);
  });
  const keys = parseObject(text);
  if (keys === undefined) throw new KeyFileUnreadable(`GUEST_KEYS_FILE ${path} is not a JSON object`);
  const key = keys.get(instanceId);
  if (key === undefined || typeof key === 'string') return key;
  throw new KeyFileUnreadable(`GUEST_KEYS_FILE ${path} holds a key that is not text`);
}

function parseObject(text: string): Map<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}
