import fs from 'node:fs'; // `fs.promises` is loaded on first use, `node:fs/promises` at once
import { CodedError } from '../coded-error.ts';
import { parseJsonObject } from '../json.ts';

/** The file of keys cannot be read, or is not a JSON object of texts. The message has nothing of its content. */
export class KeyFileUnreadable extends CodedError {
  readonly code = 'key_file_unreadable';
  override readonly isForDeployer = true;
}

/** A JSON file `{"<instance_id>": "<key>"}`, read again when it has changed. */
export class KeyFile {
  readonly #path: string;
  #keys: Promise<ReadonlyMap<string, unknown>> | undefined;
  #changedMs = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** @returns the instance's RPC key; undefined when the file has none @throws KeyFileUnreadable */
  async key(instanceId: string): Promise<string | undefined> {
    const { ctimeMs } = await fs.promises.stat(this.#path).catch((error) => this.#fail(error));
    if (this.#keys === undefined || ctimeMs !== this.#changedMs) this.#keys = this.#read();
    this.#changedMs = ctimeMs;
    const key = (await this.#keys).get(instanceId);
    if (key === undefined || typeof key === 'string') return key;
    throw new KeyFileUnreadable(`GUEST_KEYS_FILE ${this.#path} holds a key that is not text`);
  }

  async #read(): Promise<ReadonlyMap<string, unknown>> {
    const text = await fs.promises.readFile(this.#path, 'utf8').catch((error) => this.#fail(error));
    const keys = parseJsonObject(text);
    if (keys === undefined) throw new KeyFileUnreadable(`GUEST_KEYS_FILE ${this.#path} is not a JSON object`);
    return new Map(Object.entries(keys));
  }

  #fail(error: NodeJS.ErrnoException): never {
    throw new KeyFileUnreadable(`GUEST_KEYS_FILE ${this.#path} cannot be read: ${error.code}`);
  }
}
