import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/**
 * Waits until a child process prints a line that matches, on whichever of its outputs is a pipe.
 *
 * @throws when the child exits before that, with all its lines in the message
 */
export async function lineOf(child: ChildProcess, pattern: RegExp): Promise<string> {
  const printed: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onClose = () => reject(new Error(`${child.spawnfile} exited early:\n${printed.join('\n')}`));
  const onLine = (line: string) => {
    printed.push(line);
    if (pattern.test(line)) resolve(line);
  };
  const outputs = [child.stdout, child.stderr].filter((output) => output !== null);
  const readers = outputs.map((output) => createInterface(output).on('line', onLine));
  child.once('close', onClose).once('error', reject);
  try {
    return await promise;
  } finally {
    child.off('close', onClose).off('error', reject);
    for (const reader of readers) reader.off('line', onLine).on('line', () => undefined); // a full pipe would block the child
  }
}

/** Sends a signal to a child process, or to the process group that it leads, and waits until the child has exited. */
export async function end(child: ChildProcess, signal: NodeJS.Signals, group = false): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  process.kill(group ? -child.pid : child.pid, signal);
  await exited;
}

/** Of a Python program that reads nothing of this user's. */
export const PYTHON_ENV = {
  PATH: process.env['PATH'],
  LANG: 'C.UTF-8',
  PYTHONDONTWRITEBYTECODE: '1',
} as const;

/** Kills a child process, or the process group that it leads, when this process has ended. */
export function killWithThisProcess(child: ChildProcess, group = false): void {
  const cancel = afterThisProcess('kill -KILL "$1"', `${group ? '-' : ''}${child.pid}`);
  child.once('exit', cancel);
}

/**
 * Runs a shell command when this process has ended: normally, by Ctrl-C, by a crash or by SIGKILL.
 *
 * @param args the command's `$1`, `$2`, …
 * @returns a function that cancels the command
 */
export function afterThisProcess(command: string, ...args: string[]): () => void {
  const script = `cat > /dev/null; ${command}`; // this process's end of the pipe closes when it ends
  const watcher = spawn('sh', ['-c', script, 'sh', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.unref();
  return () => void watcher.kill('SIGKILL');
}
