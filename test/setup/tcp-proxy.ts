import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

type Side = 'client' | 'server';

/** Called with each packet and its index among those of its side. @returns whether the path swallows all that follow */
export type SwallowsAfter = (from: Side, packet: Buffer, index: number) => boolean;

/** A path through the network that can fail: by cutting connections, or by swallowing all bytes without an error. */
export class TcpProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isSwallowing = false;
  #swallowsAfter: SwallowsAfter = () => false;
  #delay: { readonly ms: number; readonly isMeant: (from: Side, packet: Buffer) => boolean } | undefined;

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

  /** The broker's URL with this path's port. */
  url(brokerUrl: string): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('Not listening');
    const url = new URL(brokerUrl);
    url.port = String(address.port);
    return url.href;
  }

  /** From now on no byte passes on any connection, old or new, and neither side gets an error. */
  swallow(): void {
    this.#isSwallowing = true;
  }

  /** Swallows all packets after the first one for which `when` returns true; that packet itself passes. */
  swallowAfter(when: SwallowsAfter): void {
    this.#swallowsAfter = when;
  }

  /** Holds up the first packet that is meant, and all that follow on its side, for so long. */
  delayOnce(ms: number, isMeant: (from: Side, packet: Buffer) => boolean): void {
    this.#delay = { ms, isMeant };
  }

  /** Lets the bytes of new connections pass again; the old connections stay dead. */
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
      const delay = this.#delay;
      if (delay?.isMeant(side, packet)) {
        this.#delay = undefined;
        from.pause();
        setTimeout(() => {
          from.unshift(packet);
          from.resume();
        }, delay.ms);
        return;
      }
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
