import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The root folder of another Debian, whose RabbitMQ and Trove are run in place of this machine's, as root on
 * Linux; unset: this machine's.
 */
const ROOT = process.env['DEBIAN_ROOT'] || undefined;

const ENTER = join(import.meta.dirname, 'enter-root.sh');

/** Whether RabbitMQ and Trove are those of another Debian, which brings them. */
export const isOtherDebian = ROOT !== undefined;

export function existsInDebian(path: string): boolean {
  return existsSync(join(ROOT ?? '/', path));
}

/** How to spawn a program of the Debian that is run: the process has the pid and the environment of the one spawned. */
export function debianCommand(program: string, ...args: string[]): [program: string, args: string[]] {
  return ROOT === undefined ? [program, args] : ['unshare', ['--mount', 'sh', ENTER, ROOT, program, ...args]];
}
