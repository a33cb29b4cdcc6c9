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

  get isBlocked(): boolean {
    return this.#unblocked !== undefined;
  }

  /**
   * Begins `work` when publishing is not blocked, and ends it by its signal when a blockage, before it or during
   * it, has lasted for a second or until the deadline.
   *
   * @param deadline in the milliseconds of `performance.now()`
   * @throws BrokerBlocked, or what `work` throws
   */
  async guard<T>(deadline: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const stop = new AbortController();
    const watch = () => void this.#outlast(deadline, stop);
    this.#onBlocked.add(watch);
    try {
      if (this.#unblocked !== undefined) await this.#outlast(deadline, stop);
      stop.signal.throwIfAborted();
      return await work(stop.signal);
    } finally {
      this.#onBlocked.delete(watch);
    }
  }

  /** Waits for the end of the blockage, and stops the work when it does not come in time. */
  async #outlast(deadline: number, stop: AbortController): Promise<void> {
    const { promise: isOver, resolve } = Promise.withResolvers<void>();
    const graceMs = Math.max(0, Math.min(GRACE_MS, deadline - performance.now()));
    const giveUp = () => {
      if (this.isBlocked) stop.abort(new BrokerBlocked());
      resolve();
    };
    const timer = setTimeout(() => setImmediate(giveUp), graceMs);
    await Promise.race([this.#unblocked?.promise, isOver]);
    clearTimeout(timer);
  }
}
