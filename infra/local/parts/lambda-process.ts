import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { end, killWithThisProcess } from './child.ts';

/** A request to the runtime's process, and its answer; `id` is Lambda's request id. */
export type Invocation = { readonly id: string } & (
  | { readonly event: unknown; readonly timeoutMs: number }
  | { readonly probe: 'heap' }
);
export type Outcome = { readonly id: string } & ({ readonly result: unknown } | { readonly error: string });

/** A function that can run on this machine. */
export interface LocalFunction {
  readonly name: string;
  readonly bundlePath: string;
  /** How long an invocation may take, in milliseconds. */
  readonly timeoutMs: number;
  /** In megabytes; undefined: Node's own limit. */
  readonly memoryMb?: number;
}

/** Where Node keeps compiled code, so that a process starts in half the time. */
const COMPILE_CACHE = join(import.meta.dirname, '..', '..', '..', 'node_modules', '.cache', 'node');

/** Node's flags that keep the heap within the function's memory, as on Lambda. */
export function heapFlags(memoryMb: number): string[] {
  return [
    `--max-semi-space-size=${Math.floor(memoryMb * 0.05)}`,
    `--max-old-space-size=${Math.floor(memoryMb * 0.9)}`,
  ];
}

/**
 * One execution environment: a process that runs a bundle, with no environment variables but Lambda's own and the
 * function's settings.
 */
export class LambdaProcess {
  /** Resolves when the process has ended, whatever the cause. */
  readonly ended: Promise<unknown>;
  readonly #child: ChildProcess;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<string, PromiseWithResolvers<unknown>>();

  /** @param settings the function's environment variables @param onLine called with each line that the function logs */
  static async start(
    local: LocalFunction,
    settings: Readonly<Record<string, string>>,
    onLine: (line: string) => void,
  ): Promise<LambdaProcess> {
    const child = fork(join(import.meta.dirname, 'lambda-runtime.ts'), [local.bundlePath], {
      env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...lambdaVariables(local), ...settings },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: ['--expose-gc', ...(local.memoryMb === undefined ? [] : heapFlags(local.memoryMb))],
      detached: true, // Ctrl-C goes to this process alone, which then ends the child
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface(stream).on('line', onLine);
    }
    const process = new LambdaProcess(child, local.timeoutMs);
    const isReady = once(child, 'message').then(() => true);
    if (!(await Promise.race([isReady, process.ended.then(() => false)]))) {
      throw new Error('The function did not start');
    }
    child.on('message', (outcome: Outcome) => process.#settle(outcome));
    return process;
  }

  private constructor(child: ChildProcess, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#child = child;
    this.ended = once(child, 'exit');
    // A child that is stopped (SIGSTOP) would not see that this process has gone.
    killWithThisProcess(child);
    child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`The function ended: ${code ?? signal}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /**
   * Invokes the handler.
   *
   * @param timeoutMs by default the function's own
   * @throws when the handler throws, or does not answer within `timeoutMs`
   */
  invoke(event: unknown, timeoutMs = this.#timeoutMs): Promise<unknown> {
    return this.#ask({ id: randomUUID(), event, timeoutMs }, timeoutMs);
  }

  /** The size of the used heap in bytes, after a garbage collection. */
  async heapUsed(): Promise<number> {
    return Number(await this.#ask({ id: randomUUID(), probe: 'heap' }, this.#timeoutMs));
  }

  async #ask(invocation: Invocation, timeoutMs: number): Promise<unknown> {
    const outcome = Promise.withResolvers<unknown>();
    this.#waiting.set(invocation.id, outcome);
    const timer = setTimeout(() => outcome.reject(new Error('The function timed out')), timeoutMs);
    try {
      this.#child.send(invocation, (error) => error && outcome.reject(error));
      return await outcome.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(invocation.id);
    }
  }

  async end(): Promise<void> {
    await end(this.#child, 'SIGKILL');
  }

  #settle(outcome: Outcome): void {
    const waiting = this.#waiting.get(outcome.id);
    if ('error' in outcome) waiting?.reject(new Error(outcome.error));
    else waiting?.resolve(outcome.result);
  }
}

/** The variables that Lambda's runtime defines, as far as the function or its libraries read them. */
export function lambdaVariables({ name, memoryMb = 0 }: LocalFunction): Record<string, string> {
  return {
    PATH: '/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    LAMBDA_TASK_ROOT: '/var/task',
    _HANDLER: 'index.handler',
    AWS_REGION: 'us-east-1',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_STREAM_NAME: `local/[$LATEST]${process.pid}`,
  };
}
