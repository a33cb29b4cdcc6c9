import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { end, whenWeAreGone } from '../../infra/local/child.ts';

/** Nobody takes this long, unless something is wrong. */
const ANSWER_TIMEOUT_MS = 300_000;

/** What a contestant is told to do. */
export type Command =
  /** To ping each of the guests so many times, so many of them at once. */
  | {
      readonly ids: readonly string[];
      readonly times: number;
      readonly inFlight: number;
      readonly timeoutMs?: number;
    }
  /** To answer one event. */
  | { readonly event: unknown };

/** What it measured in its own process. */
export interface Answer {
  /** Each ping's time, event in to response out, in milliseconds. */
  readonly durationsMs: readonly number[];
  readonly elapsedMs: number;
  /** The last one's response. */
  readonly response: Response;
  /** The greatest memory that the process has ever held, in bytes. */
  readonly maxRssBytes: number;
  /** With the first answer: how long it took to load what is measured, and when it had, in milliseconds since 1970. */
  readonly loadMs: number;
  readonly loadedAt: number;
}

export interface Response {
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of a sweep: how many guests it found to be reachable. */
  readonly reachable?: number;
}

/**
 * A process that pings as it is told. It takes one JSON {@link Command} a line on its standard input, the first
 * as its last argument, and gives one JSON {@link Answer} a line on file descriptor 3. What it logs goes to a pipe
 * that is read and thrown away, as Lambda reads a function's log.
 */
export class Contestant {
  readonly #child: ChildProcess;
  readonly #commands: Writable;
  readonly #answers: AsyncIterator<string>;
  readonly #callOff: () => void;

  constructor(program: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    const child = spawn(program, args, {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    const [commands, stdout, stderr, answers] = child.stdio;
    if (!(commands instanceof Writable) || !(answers instanceof Readable))
      throw new Error('No pipes to be had');
    commands.on('error', () => undefined);
    stdout?.resume();
    this.#tail(stderr);
    this.#child = child;
    this.#commands = commands;
    this.#answers = createInterface(answers)[Symbol.asyncIterator]();
    this.#callOff = whenWeAreGone('kill -KILL "$1"', String(child.pid));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws when the process has ended, with the end of what it wrote on its standard error */
  async answer(): Promise<Answer> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), ANSWER_TIMEOUT_MS);
    const { value: line } = await this.#answers.next();
    clearTimeout(timer);
    if (line === undefined) throw new Error(`${this.#child.spawnargs.join(' ')} ended:\n${this.#lastWords}`);
    return JSON.parse(line);
  }

  ask(command: Command): Promise<Answer> {
    this.#commands.write(`${JSON.stringify(command)}\n`);
    return this.answer();
  }

  /** Stops it as Lambda freezes a function, until it is thawed. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  async end(): Promise<void> {
    await end(this.#child, 'SIGKILL');
    this.#callOff();
  }

  #lastWords = '';

  #tail(stderr: Readable | null | undefined): void {
    stderr?.setEncoding('utf8').on('data', (text) => {
      this.#lastWords = (this.#lastWords + text).slice(-4000);
    });
  }
}

/** The processor time that a process's threads have used so far, in milliseconds; Linux counts it in nanoseconds. */
export function cpuTimeMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const usedNs = threads.map((id) =>
    Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]),
  );
  return usedNs.reduce((sum, ns) => sum + ns, 0) / 1_000_000;
}
