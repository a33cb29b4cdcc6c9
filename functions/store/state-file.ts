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
        await using opened = await fs.promises.open(file);
        const version = versionOf(await opened.stat({ bigint: true }));
        return { text: new TextDecoder().decode(await opened.readFile()), version };
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
        const found = await fs.promises.stat(path, { bigint: true }).catch(() => undefined);
        if ((found && versionOf(found)) !== version) throw new StateConflict(`${file} has changed`);
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

/** Each writer puts a new file in the place of the old one. */
function versionOf({ ino, mtimeNs, size }: fs.BigIntStats): string {
  return `${ino}-${mtimeNs}-${size}`;
}

async function removeAbandoned(path: string): Promise<void> {
  const found = await fs.promises.stat(path).catch(() => undefined);
  const isAbandoned = found && Math.abs(Date.now() - found.mtimeMs) > ABANDONED_MS; // a clock may have been set back
  if (isAbandoned) await fs.promises.rm(path, { force: true });
}

function codeOf(error: unknown): string {
  return String(Object(error).code ?? Object(error).name);
}
