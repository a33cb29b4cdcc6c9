import fs from 'node:fs'; // `fs.promises` is loaded on first use, `node:fs/promises` at once
import { CodedError } from '../coded-error.ts';
import { keyGivenTwice, parseJsonObject } from '../json.ts';

/** The file of keys cannot be read, or is not a JSON object. The message has nothing of its content. */
export class KeyFileUnreadable extends CodedError {
  readonly code = 'key_file_unreadable';
  override readonly isForDeployer = true;
}

/** The key of one instance is not text; others may be. */
export class KeyMalformed extends KeyFileUnreadable {}

/**
 * Looks up instances' RPC keys in a JSON file `{"<instance_id>": "<key>"}`, which is read again when it has changed.
 *
 * @returns gives undefined when the file has no key of the instance, and throws KeyFileUnreadable
 */
export function keyFile(path: string): (instanceId: string) => Promise<string | undefined> {
  let keys: Promise<ReadonlyMap<string, unknown>> | undefined;
  let readMs = 0;
  const problem = (what: string) => new KeyFileUnreadable(`GUEST_KEYS_FILE ${path} ${what}`);
  const fail = (error: NodeJS.ErrnoException) => {
    throw problem(`cannot be read: ${error.code}`);
  };
  const read = async () => {
    const text = new TextDecoder().decode(await fs.promises.readFile(path).catch(fail)); // without a byte order mark
    const found = parseJsonObject(text);
    if (found === undefined) throw problem('is not a JSON object');
    if (keyGivenTwice(text)) throw problem('names an instance twice');
    return new Map(Object.entries(found));
  };
  return async (instanceId) => {
    const { ctimeMs } = await fs.promises.stat(path).catch(fail);
    if (keys === undefined || ctimeMs !== readMs) keys = read();
    readMs = ctimeMs;
    const key = (await keys).get(instanceId);
    if (key === undefined || typeof key === 'string') return key;
    throw new KeyMalformed(`GUEST_KEYS_FILE ${path} has a key for ${instanceId} that is not text`);
  };
}
