import type { Settings } from './function-settings.ts';
import { LambdaProcess, type LocalFunction } from './lambda-process.ts';

/** How often the demo sweeps the fleet. */
export const SWEEP_EVERY_MINUTES = 0.5;

/** The schedule on this machine: sweeps the fleet now and then at a rate; a sweep prints one line, as a ping does. */
export class Sweeps {
  readonly #lambda: LambdaProcess;
  readonly #timer: NodeJS.Timeout;

  /** @param onLine called with each line that the function logs */
  static async start(
    local: LocalFunction,
    settings: Settings,
    onLine: (line: string) => void,
  ): Promise<Sweeps> {
    return new Sweeps(await LambdaProcess.start(local, settings, onLine));
  }

  private constructor(lambda: LambdaProcess) {
    const sweep = () => void lambda.invoke({}).catch(() => undefined); // its log says why
    this.#lambda = lambda;
    this.#timer = setInterval(sweep, SWEEP_EVERY_MINUTES * 60_000);
    sweep();
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#lambda.end();
  }
}
