import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Settings } from './passed-on-settings.ts';

/** Where a running `npm start` tells others of this project how its functions are set up. */
const FILE = join(import.meta.dirname, '..', '..', 'dist', 'running-system.json');

/** Tells it until we are gone. @returns to call it off */
export async function announceSystem(settings: Settings): Promise<() => void> {
  await mkdir(dirname(FILE), { recursive: true });
  writeFileSync(FILE, JSON.stringify({ pid: process.pid, settings }));
  return () => rmSync(FILE, { force: true });
}

/** The settings of the system that runs here; undefined when none does. */
export function runningSystem(): Settings | undefined {
  try {
    const { pid, settings } = JSON.parse(readFileSync(FILE, 'utf8'));
    process.kill(pid, 0); // throws when there is no such process
    return settings;
  } catch {
    return undefined;
  }
}
