import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP balancer in front of the nodes of a cluster, as Amazon MQ has one: a connection goes to the next node that
 * listens. A frozen node still listens, so that such a node gets its share of connections.
 */
export class Balancer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #ports: readonly number[];
  #next = 0;

  /** @param urls of the nodes */
  static async before(urls: readonly string[]): Promise<Balancer> {
    const balancer = new Balancer(urls);
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    return balancer;
  }

  private constructor(urls: readonly string[]) {
    this.#ports = portsOf(urls);
    this.#server = createServer((client) => this.#join(client, this.#ports.length));
  }

  /** The port to connect to. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Sends new connections to these nodes alone, the next one to the first of them. */
  serve(urls: readonly string[]): void {
    this.#ports = portsOf(urls);
    this.#next = 0;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  /** @param triesLeft nodes that have not refused yet */
  #join(client: Socket, triesLeft: number): void {
    const port = this.#ports[this.#next++ % this.#ports.length] ?? 0;
    const node = connect({ host: '127.0.0.1', port, noDelay: true });
    node.once('connect', () => {
      node.off('error', onRefused);
      this.#pipe(client, node);
      this.#pipe(node, client);
    });
    const onRefused = () => {
      if (triesLeft > 1) this.#join(client, triesLeft - 1);
      else client.resetAndDestroy();
    };
    node.once('error', onRefused);
  }

  #pipe(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.setNoDelay(true).pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}

function portsOf(urls: readonly string[]): number[] {
  return urls.map((url) => Number(new URL(url).port));
}
