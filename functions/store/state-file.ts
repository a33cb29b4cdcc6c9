import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname } from 'node:path';
import { StateConflict, StateUnavailable } from './errors.ts';
import type { StateStore, StoredText } from './state-store.ts';

/** A writer that has died is waited for no longer, in milliseconds. */
const ABANDONED_MS = 10_000;

/** A file, for local use. Its next content is written beside it, so that nobody reads half of one. */
export class StateFile implements StateStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<StoredText | undefined> {
    try {
      const text = await fs.promises.readFile(this.#path, 'utf8');
      return { text, version: createHash('sha256').update(text).digest('hex') };
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw new StateUnavailable(`${this.#path} cannot be read`, codeOf(error), { cause: error });
    }
  }

  async replace(version: string | undefined, text: string): Promise<void> {
    const next = `${this.#path}.next`; // whoever makes this file may write
    try {
      await fs.promises.mkdir(dirname(this.#path), { recursive: true }).catch(this.#unwritable);
      await removeAbandoned(next);
      await fs.promises.writeFile(next, text, { flag: 'wx' });
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw new StateConflict(`${next} is being written`);
      return this.#unwritable(error);
    }
    try {
      if ((await this.read())?.version !== version) throw new StateConflict(`${this.#path} has changed`);
      await fs.promises.rename(next, this.#path).catch(this.#unwritable);
    } finally {
      await fs.promises.rm(next, { force: true });
    }
  }

  readonly #unwritable = (error: unknown): never => {
    if (error instanceof StateUnavailable) throw error;
    throw new StateUnavailable(`${this.#path} cannot be written`, codeOf(error), { cause: error });
  };
}

async function removeAbandoned(path: string): Promise<void> {
  const found = await fs.promises.stat(path).catch(() => undefined);
  if (found && Date.now() - found.mtimeMs > ABANDONED_MS) await fs.promises.rm(path, { force: true });
}

function codeOf(error: unknown): string {
  return String(Object(error).code ?? Object(error).name);
}
