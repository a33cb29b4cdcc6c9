import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname } from 'node:path';
import { StateConflict, type StateStore, StateUnavailable, type StoredText } from './state-store.ts';

/** A writer that has died is waited for no longer, in milliseconds. */
const ABANDONED_MS = 10_000;

/** What the system says of a folder that takes no new file; ENOENT, though the folder is there: such as `/proc`. */
const READ_ONLY = ['EACCES', 'EPERM', 'EROFS', 'ENOENT'];

/** A file, for local use. Its next content is written beside it, so that nobody reads half of one. */
export class StateFile implements StateStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<StoredText | undefined> {
    try {
      const bytes = await fs.promises.readFile(this.#path);
      return { text: new TextDecoder().decode(bytes), version: versionOf(bytes) };
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw new StateUnavailable(`${this.#path} cannot be read`, codeOf(error), { cause: error });
    }
  }

  async replace(version: string | undefined, text: string): Promise<void> {
    await makeFolder(dirname(this.#path)).catch(this.#unwritable);
    const path = await fs.promises.realpath(this.#path).catch(() => this.#path); // what a link leads to is replaced
    const next = `${path}.next`; // whoever makes this file may write
    await removeAbandoned(next).catch(this.#unwritable);
    const mode = (await fs.promises.stat(path).catch(() => undefined))?.mode ?? 0o666;
    const file = await fs.promises.open(next, 'wx', mode).catch((error) => {
      if (codeOf(error) === 'EEXIST') throw new StateConflict(`${next} is being written`);
      return this.#unwritable(error);
    });
    try {
      await file
        .writeFile(text)
        .finally(() => file.close())
        .catch(this.#unwritable);
      if ((await versionAt(path)) !== version) throw new StateConflict(`${this.#path} has changed`);
      await fs.promises.rename(next, path).catch(this.#unwritable);
    } finally {
      await fs.promises.rm(next, { force: true });
    }
  }

  readonly #unwritable = (error: unknown): never => {
    if (error instanceof StateUnavailable) throw error;
    const code = codeOf(error);
    const why = READ_ONLY.includes(code) ? ': its folder is read-only for this user' : '';
    throw new StateUnavailable(`${this.#path} cannot be written${why}`, code, { cause: error });
  };
}

/** Not by Node's own `recursive`, which may try for ever where a folder can be made by nobody. */
async function makeFolder(path: string): Promise<void> {
  try {
    await fs.promises.mkdir(path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT' || fs.existsSync(dirname(path))) throw error;
    await makeFolder(dirname(path));
    await makeFolder(path);
  }
}

function versionOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function versionAt(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const piece of fs.createReadStream(path)) hash.update(piece);
    return hash.digest('hex');
  } catch {
    return undefined;
  }
}

async function removeAbandoned(path: string): Promise<void> {
  const found = await fs.promises.stat(path).catch(() => undefined);
  const isAbandoned = found && Math.abs(Date.now() - found.mtimeMs) > ABANDONED_MS; // a clock may have been set back
  if (isAbandoned) await fs.promises.rm(path, { force: true });
}

function codeOf(error: unknown): string {
  return String(Object(error).code ?? Object(error).name);
}
