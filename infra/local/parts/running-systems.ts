import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Settings } from './function-settings.ts';

/** The file in which a running `npm start` leaves its functions' settings, for `npm run health-check` to read. */
const FILE = join(import.meta.dirname, '..', '..', '..', 'dist', 'running-system.json');

/** Writes the file for as long as this process runs. @returns a function that removes the file */
export async function announceSystem(settings: Settings): Promise<() => void> {
  await mkdir(dirname(FILE), { recursive: true });
  writeFileSync(FILE, JSON.stringify({ pid: process.pid, settings }));
  return () => rmSync(FILE, { force: true });
}

/** The settings of the `npm start` that runs on this machine; undefined when none runs. */
export function runningSystem(): Settings | undefined {
  try {
    const { pid, settings } = JSON.parse(readFileSync(FILE, 'utf8'));
    process.kill(pid, 0); // throws when there is no such process
    return settings;
  } catch {
    return undefined;
  }
}
