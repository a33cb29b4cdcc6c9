import { progress } from '@clack/prompts';

/** As wide as the bar is at most, and what stands beside it, in columns: in a line that wraps, it could not be drawn again. */
const [BAR, BESIDE] = [40, 35];

/** Shows how far a sweep is, by the sweep's own log lines of level DEBUG. */
export class ProgressBar {
  #bar: ReturnType<typeof progress> | undefined;
  #done = 0;

  /** @param line of the function's log, at level DEBUG */
  onLogLine(line: string): void {
    const { message, done, total } = line.startsWith('{') ? JSON.parse(line) : {};
    if (message !== 'health_check_progress' || !(total > 0)) return;
    if (this.#bar === undefined) {
      const size = Math.min(BAR, (process.stderr.columns ?? BAR + BESIDE) - BESIDE);
      this.#bar = progress({ max: total, size, output: process.stderr });
      this.#bar.start();
    }
    this.#bar.advance(done - this.#done, `${done} of ${total} guests`);
    this.#done = done;
  }

  end(): void {
    this.#bar?.clear();
  }
}
