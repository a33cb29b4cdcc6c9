import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A server that is some way off: each packet takes `delayMs` in each direction. This machine itself answers a
 * connection's first packet, and does so at once; a client's first bytes are held for that round trip, too.
 */
export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async to(port: number, delayMs: number): Promise<Relay> {
    const relay = new Relay(port, delayMs);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  private constructor(port: number, delayMs: number) {
    this.#server = createServer({ noDelay: true }, (client) => {
      const server = connect({ port, host: '127.0.0.1', noDelay: true });
      this.#pass(client, server, delayMs, 2 * delayMs);
      this.#pass(server, client, delayMs, 0);
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  /** Node's timers count whole milliseconds, which is too coarse here: the loop turns until it is time. */
  #pass(from: Socket, to: Socket, delayMs: number, firstMs: number): void {
    const readyMs = performance.now() + firstMs;
    const onTheWay: { readonly packet: Buffer; readonly arrivesMs: number }[] = [];
    const deliver = () => {
      while (onTheWay[0] && onTheWay[0].arrivesMs <= performance.now()) {
        to.write(onTheWay[0].packet);
        onTheWay.shift();
      }
      if (onTheWay.length > 0) setImmediate(deliver);
      else if (from.destroyed) to.destroy();
    };
    this.#sockets.add(from);
    from.on('data', (packet) => {
      onTheWay.push({ packet, arrivesMs: Math.max(performance.now(), readyMs) + delayMs });
      if (onTheWay.length === 1) deliver();
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      if (onTheWay.length === 0) to.destroy();
    });
  }
}
