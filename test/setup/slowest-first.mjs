import { readFileSync } from 'node:fs';
import Sequencer from '@jest/test-sequencer';

/** Those that start and restart a server of their own, synthesize stacks, or run commands. */
const isSlow = ({ path }) =>
  /\.(stack|process|browser)\./.test(path) ||
  /\b(RabbitMqServer|PrometheusServer)\.start\b/.test(readFileSync(path, 'utf8'));

/** Begins with the test files that take longest: where Jest has no times of a run before, it goes by their size. */
export default class SlowestFirst extends Sequencer {
  sort(tests) {
    const { slow = [], others = [] } = Object.groupBy(tests, (test) => (isSlow(test) ? 'slow' : 'others'));
    return [...super.sort(slow), ...super.sort(others)];
  }
}
