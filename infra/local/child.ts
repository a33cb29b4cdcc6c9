import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/**
 * Waits until a child process prints a line that matches.
 *
 * @throws with all it printed, when it exits before
 */
export async function lineOf(child: ChildProcess, stream: Readable, pattern: RegExp): Promise<string> {
  const printed: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onExit = () => reject(new Error(`${child.spawnfile} exited early:\n${printed.join('\n')}`));
  const onLine = (line: string) => {
    printed.push(line);
    if (pattern.test(line)) resolve(line);
  };
  const lines = createInterface(stream).on('line', onLine);
  child.once('exit', onExit).once('error', reject);
  try {
    return await promise;
  } finally {
    child.off('exit', onExit).off('error', reject);
    lines.off('line', onLine).on('line', () => undefined); // read on: a full pipe would stop the child
  }
}

/** Ends a child process, with its process group if it leads one, and waits until it is gone. */
export async function end(child: ChildProcess, signal: NodeJS.Signals, group = false): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  process.kill(group ? -child.pid : child.pid, signal);
  await exited;
}

/**
 * Runs a shell command once this process is gone, however it ended: by Ctrl-C, a crash or SIGKILL.
 *
 * @param args the command's `$1`, `$2`, …
 * @returns to call it off
 */
export function whenWeAreGone(command: string, ...args: string[]): () => void {
  const script = `cat > /dev/null; ${command}`; // our end of the pipe closes with us
  const watcher = spawn('sh', ['-c', script, 'sh', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.unref();
  return () => void watcher.kill('SIGKILL');
}

/** A folder for temporary files, removed when told to, or when we are gone. */
export class TemporaryFolder {
  readonly path: string;
  readonly #callOff: () => void;

  constructor(name: string) {
    this.path = mkdtempSync(join(tmpdir(), `guest-rpc-ping-${name}-`));
    // By then, whoever writes to it is gone as well.
    this.#callOff = whenWeAreGone('sleep 2; rm -rf "$1"', this.path);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 5 });
    this.#callOff();
  }
}

/** A TCP port of the loopback interface that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No TCP port to be had');
  return address.port;
}
