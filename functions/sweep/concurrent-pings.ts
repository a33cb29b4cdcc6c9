import { CodedError } from '../coded-error.ts';
import type { Liveness } from '../oslo/liveness.ts';
import { Interruption } from '../time/interruption.ts';

/** How many guests are pinged at once, besides the silent ones. More would wait for each other, on the broker and here. */
const CONCURRENCY = 128;

/** A guest counts as silent after so many usual round trips, and not before the minimum. */
const ROUND_TRIPS = 4;
const MIN_SILENCE_MS = 100;

/** The usual round trip is a moving mean of about so many answers. */
const ANSWERS = 32;

interface Ping {
  /** In the milliseconds of `performance.now()`. */
  readonly startedMs: number;
  /** Ends the ping when all pings are stopped. */
  readonly interruption: Interruption;
}

/** A ping in flight was stopped. */
class Stopped extends CodedError {
  readonly code = 'stopped';
}

/**
 * The pings in flight, which share a limited number of slots. A ping gives up its slot, and goes on without one, when it
 * has been silent for {@link silenceMs} and the broker has given a sign of life since the last ping was started. Where broker
 * or guests are slow, round trips are long, and so is that time: they are not given more pings. All pings can be stopped together.
 */
export class ConcurrentPings {
  readonly #stopped = Promise.withResolvers<void>();
  /** Resolves when all pings are stopped. */
  readonly stopped = this.#stopped.promise;
  readonly #slots: number;
  readonly #liveness: Pick<Liveness, 'isSeenSince'>;
  readonly #pings = new Set<Ping>();
  /** Those that have a slot, in the order in which they were started. */
  readonly #holders = new Set<Ping>();
  readonly #timer: NodeJS.Timeout;
  #free: PromiseWithResolvers<void> | undefined;
  #settled: PromiseWithResolvers<void> | undefined;
  #roundTripMs: number | undefined;
  /** When the last ping was started, in the milliseconds of `performance.now()`. */
  #startedMs = 0;
  #isStopped = false;

  /** @param liveness of the connection on which the guests are pinged */
  constructor(liveness: Pick<Liveness, 'isSeenSince'>, slots = CONCURRENCY) {
    this.#slots = slots;
    this.#liveness = liveness;
    this.#timer = setInterval(() => this.#releaseSilent(), MIN_SILENCE_MS);
  }

  /** Whether no more pings are to be started. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Whether the next ping has to wait for its {@link slot}. */
  get isFull(): boolean {
    return this.#holders.size >= this.#slots;
  }

  /** After how long without an answer a guest counts as silent, and not just as slow as the others. */
  get silenceMs(): number {
    return Math.max(MIN_SILENCE_MS, ROUND_TRIPS * (this.#roundTripMs ?? 0));
  }

  /** Resolves when a ping may {@link start}; for one caller at a time. */
  async slot(): Promise<void> {
    if (!this.isFull) return;
    this.#free = Promise.withResolvers();
    await this.#free.promise;
  }

  /** Starts a ping. It must not reject; it resolves to whether the guest answered. */
  start(ping: (interruption: Interruption) => Promise<boolean>): void {
    const started: Ping = { startedMs: performance.now(), interruption: new Interruption() };
    this.#startedMs = started.startedMs;
    this.#pings.add(started);
    this.#holders.add(started);
    ping(started.interruption).then((isAnswered) => this.#onEnd(started, isAnswered));
  }

  /** Ends all pings; one that asks the broker something goes on until that is answered, or is not. */
  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve();
    this.#free?.resolve();
    for (const { interruption } of this.#pings) interruption.interrupt(new Stopped());
  }

  /** Waits until all have ended, or are stopped; to be called when no more are started. */
  async settled(): Promise<void> {
    this.#settled = Promise.withResolvers();
    if (this.#pings.size > 0) await Promise.race([this.#settled.promise, this.stopped]);
    clearInterval(this.#timer);
  }

  #onEnd(ping: Ping, isAnswered: boolean): void {
    this.#pings.delete(ping);
    if (this.#pings.size === 0) this.#settled?.resolve();
    if (isAnswered) {
      const tookMs = performance.now() - ping.startedMs;
      this.#roundTripMs ??= tookMs;
      this.#roundTripMs += (tookMs - this.#roundTripMs) / ANSWERS;
    }
    if (this.#holders.delete(ping)) this.#releaseSilent();
  }

  #releaseSilent(): void {
    if (this.#liveness.isSeenSince(this.#startedMs)) {
      const before = performance.now() - this.silenceMs;
      for (const ping of this.#holders) {
        if (ping.startedMs > before) break; // so were those after it
        this.#holders.delete(ping);
      }
    }
    if (!this.isFull) this.#free?.resolve();
  }
}
