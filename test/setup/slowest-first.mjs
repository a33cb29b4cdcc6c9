import { readFileSync } from 'node:fs';
import Sequencer from '@jest/test-sequencer';

/** Servers that take seconds to start. */
const SERVERS = /\b(RabbitMqServer|Keystone|PrometheusServer|TroveApiServer|TroveGuests)\.(start|host)\b/;

/** Begins with the test files that start servers of their own: where Jest has no times of a run before, it goes by their size. */
export default class SlowestFirst extends Sequencer {
  sort(tests) {
    const hasServers = ({ path }) => SERVERS.test(readFileSync(path, 'utf8'));
    const [slow, fast] = [true, false].map((has) => tests.filter((test) => hasServers(test) === has));
    return [...super.sort(slow), ...super.sort(fast)];
  }
}
