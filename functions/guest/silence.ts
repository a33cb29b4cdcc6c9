import { MessageDeliveryFailure } from '../oslo/errors.ts';
import type { Listeners, RpcClient } from '../oslo/rpc-client.ts';

export interface SilenceOptions {
  readonly topic: string;
  /** When the wait for the guest ends, in milliseconds from now. */
  readonly timeoutMs: number;
  /** The same for a guest whose queue nobody consumes. */
  readonly graceMs: number;
  /** Ends the wait early: the guest's agent is down (undefined), or the connection is dead. */
  readonly giveUp: (error: MessageDeliveryFailure | undefined) => void;
}

/** A healthy guest has answered by then, so that it costs nothing of this. */
const SILENCE_MS = 250;

/** How long after one question the next one is asked: the agent or the connection may die while we wait. */
const INTERVAL_MS = 2000;

/** How long the broker may take to open a channel, which proves that the connection lives, and then to answer. */
const ANSWER_TIMEOUT_MS = 1000;

/**
 * Finds out why a guest keeps silent: asks the broker who listens, after a moment and then again and again, once
 * when the grace is over and for the last time shortly before the deadline.
 */
export class Silence {
  readonly #rpc: RpcClient;
  readonly #options: SilenceOptions;
  readonly #ended = Promise.withResolvers<'ended'>();
  #timer: NodeJS.Timeout | undefined;
  #listeners: Listeners | undefined;

  constructor(rpc: RpcClient, options: SilenceOptions) {
    this.#rpc = rpc;
    this.#options = options;
    this.#watch();
  }

  /** Who listened when it was last asked; undefined where the broker did not tell, or was not asked yet. */
  get listeners(): Listeners | undefined {
    return this.#listeners;
  }

  /** To be called when the wait is over. */
  end(): void {
    clearTimeout(this.#timer);
    this.#ended.resolve('ended');
  }

  async #watch(): Promise<void> {
    const { timeoutMs, graceMs, giveUp } = this.#options;
    const start = performance.now();
    const answerTimeoutMs = Math.min(ANSWER_TIMEOUT_MS, timeoutMs / 2);
    const lastMs = timeoutMs - 1.1 * answerTimeoutMs;
    let nobodySinceMs: number | undefined = 0; // as far as we know, there was nobody from the start
    let nextMs = Math.min(SILENCE_MS, timeoutMs / 4);
    try {
      while (!(await this.#isOverAt(start + nextMs))) {
        this.#listeners = await this.#rpc.listeners(this.#options.topic, answerTimeoutMs);
        if (this.#listeners?.consumers === 0) nobodySinceMs ??= nextMs;
        else nobodySinceMs = undefined;
        const graceEndMs = nobodySinceMs === undefined ? undefined : nobodySinceMs + graceMs;
        if (graceEndMs !== undefined && nextMs >= graceEndMs) return giveUp(undefined);
        const askedMs = nextMs;
        const times = [askedMs + INTERVAL_MS, graceEndMs ?? 0, lastMs];
        nextMs = Math.min(...times.filter((time) => time > askedMs));
      }
    } catch (error) {
      if (error instanceof MessageDeliveryFailure) giveUp(error);
    }
  }

  async #isOverAt(time: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<'awake'>();
    this.#timer = setTimeout(() => resolve('awake'), time - performance.now());
    return (await Promise.race([promise, this.#ended.promise])) === 'ended';
  }
}
