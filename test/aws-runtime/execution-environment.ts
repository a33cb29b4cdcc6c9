import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { end, killWithThisProcess } from '../../infra/local/parts/child.ts';
import { heapFlags, type LocalFunction, lambdaVariables } from '../../infra/local/parts/lambda-process.ts';
import { ensureInterfaceClient } from './interface-client.ts';
import type { ProcessorShare } from './processor-share.ts';
import { RuntimeApi } from './runtime-api.ts';

/** A bundle run by AWS's own runtime, which asks a Runtime API for its invocations. */
export class ExecutionEnvironment {
  /** What the function printed so far, line by line. */
  readonly lines: string[] = [];
  readonly api: RuntimeApi;
  /** When the process was started, by `performance.now()`. */
  readonly startedAt: number;
  /** Resolves when the process has ended, whatever the cause. */
  readonly ended: Promise<unknown>;
  readonly #runtime: ChildProcess;

  /**
   * @param settings the function's environment variables
   * @param share the cgroup in which the process starts; by default this process's own
   */
  static async start(
    local: LocalFunction & { readonly memoryMb: number },
    settings: Readonly<Record<string, string>>,
    share?: ProcessorShare,
  ): Promise<ExecutionEnvironment> {
    const client = ensureInterfaceClient();
    const api = await RuntimeApi.listen();
    const task = dirname(local.bundlePath);
    const args = [...heapFlags(local.memoryMb), client, 'index.handler'];
    const [program, programArgs] = share?.command(process.execPath, args) ?? [process.execPath, args];
    const startedAt = performance.now();
    const runtime = spawn(program, programArgs, {
      cwd: task,
      env: {
        ...lambdaVariables(local),
        AWS_LAMBDA_LOG_FORMAT: 'JSON',
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${local.name}`,
        ...settings,
        LAMBDA_TASK_ROOT: task,
        AWS_LAMBDA_RUNTIME_API: api.address,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // Ctrl-C is for us to pass on
    });
    return new ExecutionEnvironment(runtime, api, startedAt);
  }

  private constructor(runtime: ChildProcess, api: RuntimeApi, startedAt: number) {
    this.#runtime = runtime;
    this.api = api;
    this.startedAt = startedAt;
    this.ended = once(runtime, 'exit');
    killWithThisProcess(runtime); // it may be frozen, and not see that we are
    for (const stream of [runtime.stdout, runtime.stderr])
      if (stream) createInterface(stream).on('line', (line) => this.lines.push(line));
  }

  /** Stops all of the process, as Lambda does once an invocation has ended. */
  async freeze(): Promise<void> {
    await this.api.idle();
    this.#runtime.kill('SIGSTOP');
  }

  thaw(): void {
    this.#runtime.kill('SIGCONT');
  }

  /** For `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#runtime, 'SIGKILL');
    await this.api.close();
  }
}
