import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname } from 'node:path';
import { StateConflict, type StateStore, StateUnavailable } from './state-store.ts';

/** A writer that has died is waited for no longer, in milliseconds. */
const ABANDONED_MS = 10_000;

/** What the system says of a folder that takes no new file; ENOENT, though the folder is there: such as `/proc`. */
const READ_ONLY = ['EACCES', 'EPERM', 'EROFS', 'ENOENT'];

/** A file, for local use. Its next content is written beside it, so that nobody reads half of one. */
export function stateFile(file: string) {
  const unwritable = (error: unknown): never => {
    if (error instanceof StateUnavailable) throw error;
    const code = codeOf(error);
    const why = READ_ONLY.includes(code) ? ': its folder is read-only for this user' : '';
    throw new StateUnavailable(`${file} cannot be written${why}`, code, { cause: error });
  };
  return {
    async read() {
      try {
        const bytes = await fs.promises.readFile(file);
        return { text: new TextDecoder().decode(bytes), version: versionOf(bytes) };
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw new StateUnavailable(`${file} cannot be read`, codeOf(error), { cause: error });
      }
    },
    async replace(version: string | undefined, text: string) {
      await makeFolder(dirname(file)).catch(unwritable);
      const path = await fs.promises.realpath(file).catch(() => file); // what a link leads to is replaced
      const next = `${path}.next`; // whoever makes this file may write
      await removeAbandoned(next).catch(unwritable);
      const mode = (await fs.promises.stat(path).catch(() => undefined))?.mode ?? 0o666;
      const opened = await fs.promises.open(next, 'wx', mode).catch((error) => {
        if (codeOf(error) === 'EEXIST') throw new StateConflict(`${next} is being written`);
        return unwritable(error);
      });
      try {
        await opened
          .writeFile(text)
          .finally(() => opened.close())
          .catch(unwritable);
        if ((await versionAt(path)) !== version) throw new StateConflict(`${file} has changed`);
        await fs.promises.rename(next, path).catch(unwritable);
      } finally {
        await fs.promises.rm(next, { force: true });
      }
    },
  } satisfies StateStore;
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
