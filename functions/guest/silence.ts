import { MessageDeliveryFailure } from '../oslo/errors.ts';
import type { Listeners, RpcClient, Target } from '../oslo/rpc-client.ts';

export interface SilenceOptions {
  readonly target: Target;
  /** When the wait for the guest ends, in milliseconds from now. */
  readonly timeoutMs: number;
  /** The same for a guest whose queue nobody consumes. */
  readonly graceMs: number;
  /** Who listened a moment ago, where that is known: it spares the first question. */
  readonly known?: Listeners | undefined;
  /** How long after one question the next one is asked, in milliseconds; it may be infinite. */
  readonly askEveryMs?: number | undefined;
  /** How long the broker may take to open a channel, which proves that the connection lives, and then to answer. */
  readonly answerTimeoutMs?: number | undefined;
  /** Ends the wait early: the guest's agent is down (undefined), or the connection is dead. */
  readonly giveUp: (error: MessageDeliveryFailure | undefined) => void;
}

/** A healthy guest has answered by then, so that it costs nothing of this. */
const SILENCE_MS = 250;

/** The agent or the connection may die while we wait. */
const ASK_EVERY_MS = 2000;

/** An idle broker answers within milliseconds. */
const ANSWER_TIMEOUT_MS = 1000;

/**
 * Finds out why a guest keeps silent: asks the broker who listens, after a moment and then again and again, once
 * when the grace is over and for the last time shortly before the deadline.
 */
export class Silence {
  readonly #rpc: RpcClient;
  readonly #options: SilenceOptions;
  readonly #ended = Promise.withResolvers<void>();
  #isOver = false;
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
    this.#isOver = true;
    this.#ended.resolve();
  }

  async #watch(): Promise<void> {
    const { target, timeoutMs, graceMs, known, giveUp } = this.#options;
    const { askEveryMs = ASK_EVERY_MS, answerTimeoutMs: allowedMs = ANSWER_TIMEOUT_MS } = this.#options;
    const start = performance.now();
    const answerTimeoutMs = Math.min(allowedMs, timeoutMs / 2);
    const lastMs = timeoutMs - 1.1 * answerTimeoutMs;
    // As far as we know, there was nobody from the start.
    let nobodySinceMs = known === undefined || known.consumers === 0 ? 0 : undefined;
    const graceEndMs = () => (nobodySinceMs === undefined ? 0 : nobodySinceMs + graceMs);
    const next = (askedMs: number) =>
      Math.min(...[askedMs + askEveryMs, graceEndMs(), lastMs].filter((time) => time > askedMs));
    this.#listeners = known;
    let nextMs = known === undefined ? Math.min(SILENCE_MS, timeoutMs / 4) : next(0);
    try {
      while (await this.#isStillSilentAt(start + nextMs)) {
        this.#listeners = await this.#rpc.listeners(target, answerTimeoutMs, () => !this.#isOver);
        if (this.#listeners?.consumers === 0) nobodySinceMs ??= nextMs;
        else nobodySinceMs = undefined;
        if (nobodySinceMs !== undefined && nextMs >= graceEndMs()) return giveUp(undefined);
        nextMs = next(nextMs);
      }
    } catch (error) {
      if (error instanceof MessageDeliveryFailure) giveUp(error);
    }
  }

  async #isStillSilentAt(time: number): Promise<boolean> {
    const { promise: awake, resolve } = Promise.withResolvers<void>();
    if (Number.isFinite(time)) this.#timer = setTimeout(resolve, Math.max(0, time - performance.now()));
    await Promise.race([awake, this.#ended.promise]);
    return !this.#isOver;
  }
}
