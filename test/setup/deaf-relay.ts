import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { end, killWithThisProcess, lineOf } from '../../infra/local/parts/child.ts';
import { eventually } from './eventually.ts';

/** Listens with room for one connection that is not accepted, and passes all bytes on. */
const RELAY = `
  const [host, port] = process.argv.slice(1);
  const server = require('node:net').createServer((client) => {
    const onward = require('node:net').connect({ host, port, noDelay: true });
    client.on('error', () => onward.destroy()).pipe(onward).on('error', () => client.destroy()).pipe(client);
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log('port', server.address().port));
`;

/** In /proc/net/tcp: a connection whose first packet has no answer. */
const SYN_SENT = '02';

/**
 * A path through the network on which it takes TCP a second to connect: the relay is stopped, its queue of connections is
 * full, and Linux drops the first packet of the next one, which is sent again after a second.
 */
export class DeafRelay {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #fillers: Socket[] = [];

  static async to(brokerUrl: string): Promise<DeafRelay> {
    const { hostname, port } = new URL(brokerUrl);
    const child = spawn(process.execPath, ['--eval', RELAY, hostname, port], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const line = await lineOf(child, /^port \d+$/);
    const relay = new DeafRelay(child, Number(line.split(' ')[1]));
    child.kill('SIGSTOP');
    await relay.#fill();
    return relay;
  }

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    killWithThisProcess(child);
  }

  /** Waits for the first packet of one more connection, and lets the relay run. */
  async wakeWhenDialled(): Promise<void> {
    const before = this.#unanswered();
    await eventually(
      async () => this.#unanswered(),
      (count) => count > before,
    );
    this.#child.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const filler of this.#fillers) filler.destroy();
    await end(this.#child, 'SIGKILL');
  }

  async #fill(): Promise<void> {
    while (this.#unanswered() === 0) {
      const filler = connect(this.port, '127.0.0.1');
      filler.on('error', () => undefined);
      this.#fillers.push(filler);
      await Promise.race([
        once(filler, 'connect'),
        eventually(
          async () => this.#unanswered(),
          (count) => count > 0,
        ),
      ]);
    }
  }

  #unanswered(): number {
    const remote = `0100007F:${this.port.toString(16).toUpperCase().padStart(4, '0')}`;
    const lines = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
    return lines.filter(([, , to, state]) => to === remote && state === SYN_SENT).length;
  }
}
