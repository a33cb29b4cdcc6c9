import type { ChannelModel } from 'amqplib';
import { BrokerBlocked } from './errors.ts';

/** How long a blocked broker is waited for. An alarm may clear at once, but while it lasts nothing goes through. */
const GRACE_MS = 1000;

/** Whether the broker has blocked a connection's publishing (`connection.blocked`, RabbitMQ's extension). */
export class Blockage {
  readonly #onBlocked = new Set<() => void>();
  #unblocked: PromiseWithResolvers<void> | undefined;

  constructor(connection: ChannelModel) {
    connection.on('blocked', () => {
      this.#unblocked ??= Promise.withResolvers();
      for (const notify of this.#onBlocked) notify();
    });
    connection.on('unblocked', () => {
      this.#unblocked?.resolve();
      this.#unblocked = undefined;
    });
  }

  /**
   * Begins `work` when publishing is not blocked, and gives it up when a blockage, before it or during it, has
   * lasted for a second.
   *
   * @throws BrokerBlocked, or what `work` throws
   */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    const { promise: blocked, reject } = Promise.withResolvers<never>();
    const watch = () => void this.#outlast(reject);
    this.#onBlocked.add(watch);
    watch();
    try {
      await Promise.race([blocked, this.#unblocked?.promise]);
      return await Promise.race([blocked, work()]);
    } finally {
      this.#onBlocked.delete(watch);
    }
  }

  async #outlast(reject: (error: BrokerBlocked) => void): Promise<void> {
    if (this.#unblocked === undefined) return;
    const timer = setTimeout(() => setImmediate(() => reject(new BrokerBlocked())), GRACE_MS);
    await this.#unblocked.promise;
    clearTimeout(timer);
  }
}
