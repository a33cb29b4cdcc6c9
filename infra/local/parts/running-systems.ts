import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterThisProcess } from './child.ts';
import type { FunctionSettings } from './function-settings.ts';

/** Where each `npm start` of this checkout has a file while it runs, for `npm run health-check` to read. */
const FOLDER = join(import.meta.dirname, '..', '..', '..', 'dist', 'running');

/** What a running `npm start` says of itself. */
export interface RunningSystem {
  readonly pid: number;
  /** Of its gateway. */
  readonly url: string;
  /** Its functions' environment variables, without AWS credentials. */
  readonly settings: FunctionSettings;
}

/** Writes this process's file, which its user alone can read. @returns removes it; at the latest it is removed when this process ends */
export function announceSystem(url: string, settings: FunctionSettings): () => void {
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, `${process.pid}.json`);
  const isCredential = (name: string) => name.startsWith('AWS_') && !name.startsWith('AWS_ENDPOINT_URL');
  const kept = Object.entries(settings).filter(([name]) => !isCredential(name));
  const system: RunningSystem = { pid: process.pid, url, settings: Object.fromEntries(kept) };
  rmSync(file, { force: true }); // of a process of that number before, whose mode would stay
  writeFileSync(file, JSON.stringify(system), { mode: 0o600 });
  const cancel = afterThisProcess('rm -f "$1"', file);
  return () => {
    rmSync(file, { force: true });
    cancel();
  };
}

/** The `npm start`s of this checkout that run now. */
export function runningSystems(): RunningSystem[] {
  const files = existsSync(FOLDER) ? readdirSync(FOLDER) : [];
  return files.flatMap((file) => {
    try {
      const system = JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
      process.kill(system.pid, 0); // throws when there is no such process
      return [system];
    } catch {
      return [];
    }
  });
}
