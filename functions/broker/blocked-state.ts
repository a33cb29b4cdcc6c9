import type { EventEmitter } from 'node:events';
import { afterReading, type Deadline } from '../time/deadline.ts';
import { Hops } from '../time/hops.ts';
import { Interruption } from '../time/interruption.ts';
import { BrokerBlocked } from './errors.ts';

/** How long a blocked broker is waited for. An alarm may clear at once, but while it lasts nothing goes through. */
const GRACE_MS = 1000;

/** The wait takes at most this share of the time left, so that blocked work does not come to its own time-out first. */
const WAIT_SHARE = 0.9;

/** Whether the broker has blocked a connection's publishing (`connection.blocked`, RabbitMQ's extension). */
export class BlockedState {
  /** The deadline of all work that is done, by what interrupts it. */
  readonly #works = new Map<Interruption, Deadline>();
  #unblocked: PromiseWithResolvers<void> | undefined;

  /** @param connection amqplib's, which emits `blocked` and `unblocked` */
  constructor(connection: Pick<EventEmitter, 'on'>) {
    connection.on('blocked', () => {
      this.#unblocked ??= Promise.withResolvers();
      for (const [interruption, deadline] of this.#works) void this.#outlast(deadline, interruption);
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
   * Begins `work` when publishing is not blocked, and interrupts that work when a blockage, before the work or during
   * it, has lasted for a second or nearly until the deadline.
   *
   * @param hops gets `unblocked`, where there is a blockage before the work
   * @throws BrokerBlocked, or what `work` throws
   */
  async run<T>(
    deadline: Deadline,
    work: (interruption: Interruption) => Promise<T>,
    hops = new Hops(),
  ): Promise<T> {
    const interruption = new Interruption();
    this.#works.set(interruption, deadline);
    try {
      if (this.isBlocked) {
        hops.begin('unblocked');
        await this.#outlast(deadline, interruption);
        hops.end(interruption.isInterrupted ? new BrokerBlocked() : undefined);
      }
      interruption.throwIfInterrupted();
      return await work(interruption);
    } finally {
      this.#works.delete(interruption);
    }
  }

  /** Waits for the end of the blockage, and stops the work when that end does not come in time. */
  async #outlast(deadline: Deadline, interruption: Interruption): Promise<void> {
    const { promise: isOver, resolve } = Promise.withResolvers<void>();
    const giveUp = () => {
      if (this.isBlocked) interruption.interrupt(new BrokerBlocked());
      resolve();
    };
    const timer = afterReading(Math.min(GRACE_MS, WAIT_SHARE * deadline.leftMs), giveUp);
    await Promise.race([this.#unblocked?.promise, isOver]);
    timer?.clear();
  }
}
