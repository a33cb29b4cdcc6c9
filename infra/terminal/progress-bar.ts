import { progress } from '@clack/prompts';

/** Shows how far a sweep is, by the sweep's own log lines of level DEBUG. */
export class ProgressBar {
  #bar: ReturnType<typeof progress> | undefined;
  #done = 0;

  /** @param line of the function's log, at level DEBUG */
  onLogLine(line: string): void {
    const { message, done, total } = line.startsWith('{') ? JSON.parse(line) : {};
    if (message !== 'health_check_progress' || !(total > 0)) return;
    if (this.#bar === undefined) {
      this.#bar = progress({ max: total, output: process.stderr });
      this.#bar.start();
    }
    this.#bar.advance(done - this.#done, `${done} of ${total} guests`);
    this.#done = done;
  }

  end(): void {
    this.#bar?.clear();
  }
}
