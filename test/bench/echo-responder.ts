import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { end, killWithThisProcess } from '../../infra/local/parts/child.ts';

/** A process that answers pings for any number of guests at next to no cost (`contestants/echo-responder.ts`). */
export class EchoResponder {
  readonly #child: ChildProcess;

  constructor(brokerUrl: string) {
    const script = join(import.meta.dirname, 'contestants', 'echo-responder.ts');
    this.#child = spawn(process.execPath, [script, brokerUrl], {
      stdio: ['pipe', 'inherit', 'inherit', 'pipe'],
    });
    killWithThisProcess(this.#child);
  }

  /** Adds guests, and waits until the process answers for them. */
  async answerFor(ids: readonly string[]): Promise<void> {
    const [commands, , , answers] = this.#child.stdio;
    if (!(commands instanceof Writable) || !(answers instanceof Readable))
      throw new Error('The child has no pipes');
    const lines = createInterface(answers);
    commands.write(`${JSON.stringify(ids)}\n`);
    const ended = once(this.#child, 'exit').then(() => Promise.reject(new Error('The echo responder ended')));
    await Promise.race([once(lines, 'line'), ended]);
    ended.catch(() => undefined);
  }

  async end(): Promise<void> {
    await end(this.#child, 'SIGKILL');
  }
}
