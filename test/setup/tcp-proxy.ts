import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

type Side = 'client' | 'server';

/** Looks at each packet, and at how many its side has sent before, and says whether the path swallows all that follows. */
export type SwallowsAfter = (from: Side, packet: Buffer, index: number) => boolean;

/** A path through the network that can fail: it cuts connections, or swallows their bytes without a word. */
export class TcpProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isSwallowing = false;
  #swallowsAfter: SwallowsAfter = () => false;

  /** @param url of the broker at the other end */
  static async to(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const proxy = new TcpProxy(hostname, Number(port));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(hostname: string, port: number) {
    this.#server = createServer((client) => {
      const server = connect({ host: hostname, port, noDelay: true });
      this.#join('client', client.setNoDelay(true), server);
      this.#join('server', server, client);
    });
  }

  /** The broker's URL by way of this path. */
  url(brokerUrl: string): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('Not listening');
    const url = new URL(brokerUrl);
    url.port = String(address.port);
    return url.href;
  }

  /** From now on no byte passes on any connection, old or new, and nobody is told. */
  swallow(): void {
    this.#isSwallowing = true;
  }

  /** Swallows from the packet on after which `when` says so; that packet itself still passes. */
  swallowAfter(when: SwallowsAfter): void {
    this.#swallowsAfter = when;
  }

  /** New connections pass again; what was swallowed of the old ones is lost, they stay dead. */
  heal(): void {
    this.#swallowsAfter = () => false;
    if (this.#isSwallowing) for (const socket of this.#sockets) socket.pause();
    this.#isSwallowing = false;
  }

  /** Resets all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #join(side: Side, from: Socket, to: Socket): void {
    let packets = 0;
    this.#sockets.add(from);
    from.on('data', (packet) => {
      if (this.#isSwallowing) return;
      to.write(packet);
      if (this.#swallowsAfter(side, packet, packets++)) this.#isSwallowing = true;
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      if (!this.#isSwallowing) to.destroy();
    });
  }
}
