import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { end, killWithThisProcess, PYTHON_ENV } from './child.ts';
import { ensureDebianPackages } from './debian-packages.ts';
import { debianCommand, isOtherDebian } from './debian-root.ts';
import { TemporaryFolder } from './temporary-folder.ts';

/** How a guest behaves; by default, a guest answers at once. */
export interface GuestBehaviour {
  /** The instance's RPC key; null: its RPC is in the clear. */
  readonly key?: string | null;
  /** Seconds that the guest waits before its answer. */
  readonly delay?: number;
  /** Raises an exception instead of answering: of Python's own, without a message, with an argument that JSON cannot hold, or of a module that oslo.messaging does not pass on. */
  readonly raise?: 'builtin' | 'wordless' | 'not a number' | 'foreign';
  /** The result of the ping, instead of `true`. */
  readonly answer?: string;
}

/** What a guest's queue is: a classic one that ends with the broker, one that outlasts it, or a replicated one. */
export type GuestQueues = 'transient' | 'durable' | 'quorum';

export interface GuestHostOptions {
  readonly brokerUrl: string;
  readonly controlExchange?: string;
  /** By default transient, as oslo.messaging's. */
  readonly queues?: GuestQueues;
  /** Whether they log each message, which slows them down; by default they do. */
  readonly debug?: boolean;
  /** Other options of the section `[oslo_messaging_rabbit]`. */
  readonly rabbitOptions?: Readonly<Record<string, string | number>>;
}

type Python = ChildProcessByStdio<Writable, Readable, Readable>;

/** Installs Trove's guest agent and oslo.messaging unless they are there. */
export function ensureTrove(): boolean {
  return isOtherDebian || ensureDebianPackages('python3-trove', 'python3-oslo.messaging');
}

/** A Python process with real Trove guest agents in it (`trove_guests.py`). */
export class TroveGuests {
  readonly logFile: string;
  readonly #python: Python;
  readonly #folder: TemporaryFolder;
  readonly #answers: AsyncIterator<string>;

  /** @returns undefined where Debian's `python3-trove` cannot be installed */
  static async host(options: GuestHostOptions): Promise<TroveGuests | undefined> {
    if (!ensureTrove()) return undefined;
    const folder = new TemporaryFolder('guests');
    const config = folder.file('trove-guestagent.conf');
    await writeFile(config, guestConfig(options));
    const logFile = folder.file('trove-guestagent.log');
    const script = join(import.meta.dirname, 'trove_guests.py');
    const python = spawn(...debianCommand('/usr/bin/python3', script, '--config-file', config), {
      stdio: 'pipe',
      env: PYTHON_ENV,
      detached: true, // Ctrl-C goes to this process alone, which then ends the child
    });
    return new TroveGuests(python, folder, logFile);
  }

  private constructor(python: Python, folder: TemporaryFolder, logFile: string) {
    this.#python = python;
    this.#folder = folder;
    this.logFile = logFile;
    killWithThisProcess(python);
    this.#answers = createInterface(python.stdout)[Symbol.asyncIterator]();
    appendFileSync(logFile, '');
    python.stderr.on('data', (text) => appendFileSync(logFile, text));
  }

  /** All that the guests logged so far. */
  get log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Starts a guest and waits until its queue is bound and consumed. */
  start(instanceId: string, behaviour: GuestBehaviour = {}): Promise<void> {
    return this.#do({ start: instanceId, ...behaviour });
  }

  /** Stops a guest as `systemctl stop` would: its queue stays, without a consumer. */
  stop(instanceId: string): Promise<void> {
    return this.#do({ stop: instanceId });
  }

  /** Stops the process with all its guests, as a machine that hangs, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    process.kill(-Number(this.#python.pid), signal);
  }

  async end(): Promise<void> {
    await end(this.#python, 'SIGKILL', true);
    await this.#folder.remove();
  }

  async #do(command: object): Promise<void> {
    const text = JSON.stringify(command);
    this.#python.stdin.write(`${text}\n`);
    const answer = await this.#answers.next();
    const end = () => this.log.slice(-4000); // after minutes the log has thousands of lines
    if (answer.value !== text) throw new Error(`The guests failed at ${text}:\n…${end()}`);
  }
}

/** A trove-guestagent.conf. Without `report_interval` there is no database status to report. */
function guestConfig(options: GuestHostOptions): string {
  const { brokerUrl, controlExchange = 'trove', queues = 'transient' } = options;
  const { debug = true, rabbitOptions = {} } = options;
  const { protocol, host, username, password, pathname } = new URL(brokerUrl);
  return `
[DEFAULT]
transport_url = rabbit://${username}:${password}@${host}${pathname || '/'}
control_exchange = ${controlExchange}
report_interval = 0
debug = ${debug}
default_log_levels = oslo_messaging=${debug ? 'DEBUG' : 'INFO'},amqp=INFO
use_stderr = true
[oslo_messaging_rabbit]
amqp_durable_queues = ${queues !== 'transient'}
rabbit_quorum_queue = ${queues === 'quorum'}
rabbit_transient_quorum_queue = ${queues === 'quorum'}
ssl = ${protocol === 'amqps:'}
${Object.entries(rabbitOptions)
  .map(([name, value]) => `${name} = ${value}`)
  .join('\n')}
`;
}
