import { relative } from 'node:path';

/** How long nothing is printed at most, in milliseconds. */
const SILENCE_MS = 2500;

/** A reporter of Jest that says which test files are running, where Jest itself is silent: without a terminal. */
export default class ProgressReporter {
  #startedAt = new Map();
  #count = 0;
  #done = 0;
  #printedAt = Date.now();
  #timer;

  onRunStart({ numTotalTestSuites: count }) {
    this.#count = count;
    if (!process.stderr.isTTY) this.#timer = setInterval(() => this.#print(), 500).unref();
  }

  onTestFileStart({ path }) {
    this.#startedAt.set(path, Date.now());
  }

  onTestFileResult({ path }) {
    this.#startedAt.delete(path);
    this.#done += 1;
    this.#printedAt = Date.now(); // Jest prints the file's result
  }

  onRunComplete() {
    clearInterval(this.#timer);
  }

  #print() {
    if (Date.now() - this.#printedAt < SILENCE_MS) return;
    this.#printedAt = Date.now();
    const running = Array.from(this.#startedAt, ([path, startedAt]) => {
      const seconds = Math.round((Date.now() - startedAt) / 1000);
      return `${relative(process.cwd(), path)} (${seconds} s)`;
    });
    console.error(
      `${this.#done} of ${this.#count} test files done. Running: ${running.join(', ') || 'none yet'}`,
    );
  }
}
