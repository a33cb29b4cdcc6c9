import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { end, whenWeAreGone } from '../../infra/local/child.ts';

/** A process that answers for guests which cost next to nothing (`contestants/echo-responder.ts`). */
export class EchoResponder {
  readonly #child: ChildProcess;
  readonly #callOff: () => void;

  constructor(brokerUrl: string) {
    const script = join(import.meta.dirname, 'contestants', 'echo-responder.ts');
    this.#child = spawn(process.execPath, [script, brokerUrl], {
      stdio: ['pipe', 'inherit', 'inherit', 'pipe'],
    });
    this.#callOff = whenWeAreGone('kill -KILL "$1"', String(this.#child.pid));
  }

  /** Takes up more guests, and waits until it answers for them. */
  async answerFor(ids: readonly string[]): Promise<void> {
    const [commands, , , answers] = this.#child.stdio;
    if (!(commands instanceof Writable) || !(answers instanceof Readable))
      throw new Error('No pipes to be had');
    const lines = createInterface(answers);
    commands.write(`${JSON.stringify(ids)}\n`);
    const ended = once(this.#child, 'exit').then(() => Promise.reject(new Error('The echo responder ended')));
    await Promise.race([once(lines, 'line'), ended]);
    ended.catch(() => undefined);
  }

  async end(): Promise<void> {
    await end(this.#child, 'SIGKILL');
    this.#callOff();
  }
}
