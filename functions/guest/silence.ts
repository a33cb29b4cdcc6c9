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

/** How long the broker may take to tell who listens. It is the proof of life of the connection, too. */
const ANSWER_TIMEOUT_MS = 1000;

/** Neither takes more than this part of a short wait. */
const SHARE = 1 / 4;

/**
 * Finds out why a guest keeps silent: asks the broker who listens, after a moment, when the grace is over, and
 * shortly before the deadline, since the agent or the connection may have died while we waited.
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
    const isOverAt = (ms: number) => this.#isOverAt(start + ms);
    try {
      if (await isOverAt(Math.min(SILENCE_MS, timeoutMs * SHARE))) return;
      if (await this.#isNobodyThere()) {
        if (await isOverAt(graceMs)) return;
        if (await this.#isNobodyThere()) return giveUp(undefined);
      }
      if (await isOverAt(timeoutMs - 1.1 * this.#answerTimeoutMs)) return;
      await this.#isNobodyThere();
    } catch (error) {
      if (error instanceof MessageDeliveryFailure) giveUp(error);
    }
  }

  async #isNobodyThere(): Promise<boolean> {
    this.#listeners = await this.#rpc.listeners(this.#options.topic, this.#answerTimeoutMs);
    return this.#listeners?.consumers === 0;
  }

  get #answerTimeoutMs(): number {
    return Math.min(ANSWER_TIMEOUT_MS, this.#options.timeoutMs * SHARE);
  }

  async #isOverAt(time: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<'awake'>();
    this.#timer = setTimeout(() => resolve('awake'), time - performance.now());
    return (await Promise.race([promise, this.#ended.promise])) === 'ended';
  }
}
