import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { end, killWithThisProcess } from '../../infra/local/parts/child.ts';

/** A contestant that takes longer than this is killed, so that a hanging one does not stop the benchmark. */
const ANSWER_TIMEOUT_MS = 300_000;

/** Has bash become the program, with its log in a pipe to a reader that costs next to nothing; Node's pipes are sockets. */
const LOGGING = 'exec "$@" > >(exec cat > /dev/null 3>&-)';

/** A command to a contestant. */
export type Command =
  /** Pings each of the guests `times` times, `inFlight` of them at once. */
  | {
      readonly ids: readonly string[];
      readonly times: number;
      readonly inFlight: number;
      readonly timeoutMs?: number;
    }
  /** Passes one event to the handler. */
  | { readonly event: unknown };

/** A contestant's answer: what it measured in its own process. */
export interface Answer {
  /** Each ping's time, event in to response out, in milliseconds. */
  readonly durationsMs: readonly number[];
  readonly elapsedMs: number;
  /** The response to the last ping or event. */
  readonly response: Response;
  /** The greatest resident set that the process ever had, in bytes. */
  readonly maxRssBytes: number;
  /** In the first answer: how long the measured code took to load. */
  readonly loadMs: number;
}

export interface Response {
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The number of reachable guests, and of the unreachable by reason, in the response to a sweep. */
  readonly reachable?: number;
  readonly unreachable_by_reason?: Readonly<Record<string, number>>;
}

/**
 * A process that pings by commands. The first JSON {@link Command} is the process's last argument; each further one is a
 * line on standard input. Each JSON {@link Answer} is a line on file descriptor 3. The process's log goes to a pipe that
 * is read and thrown away, as Lambda reads a function's log.
 */
export class Contestant {
  readonly #child: ChildProcess;
  readonly #commands: Writable;
  readonly #answers: AsyncIterator<string>;

  constructor(program: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    const child = spawn('bash', ['-c', LOGGING, 'bash', program, ...args], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    });
    const [commands, , stderr, answers] = child.stdio;
    if (!(commands instanceof Writable) || !(answers instanceof Readable))
      throw new Error('The child has no pipes');
    commands.on('error', () => undefined);
    this.#tail(stderr);
    this.#child = child;
    this.#commands = commands;
    this.#answers = createInterface(answers)[Symbol.asyncIterator]();
    killWithThisProcess(child);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws when the process has ended; the message has the last 4,000 characters of its standard error */
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

  /** Stops the process, as Lambda freezes a function, until {@link thaw}. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  async end(): Promise<void> {
    await end(this.#child, 'SIGKILL');
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
