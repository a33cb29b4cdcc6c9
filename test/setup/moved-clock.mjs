// Loaded into a function's process before the function (`NODE_OPTIONS=--import=…`): its clock is ahead by as many
// milliseconds as the file `CLOCK_FILE` says. Timers, and the monotonic clock, stay as they are.
import { readFileSync } from 'node:fs';

const RealDate = Date;

globalThis.Date = class extends RealDate {
  static now() {
    return RealDate.now() + Number(readFileSync(process.env.CLOCK_FILE, 'utf8'));
  }

  constructor(...args) {
    super(...(args.length === 0 ? [globalThis.Date.now()] : args));
  }
};
