import type { PingResult, Unreachable } from '../guest/ping.ts';
import type { Reason } from '../guest/reason.ts';
import type { RpcClient } from '../oslo/rpc-client.ts';
import { InFlight } from './in-flight.ts';

/** What is known of a guest after a sweep; `unknown`: its key could not be read, so it was not pinged. */
export type Verdict = PingResult | { readonly reachable: 'unknown'; readonly cause: string };

/** Pings one guest; it throws as `rpcPing` does. */
export type PingOne = (rpc: RpcClient, instanceId: string, signal: AbortSignal) => Promise<Verdict>;

/** These speak of the broker, and hold for every guest. */
const BROKER_REASONS: ReadonlySet<Reason> = new Set([
  'broker_unreachable',
  'broker_refused',
  'broker_blocked',
  'exchange_missing',
]);

/** How many guests are pinged at once, the silent aside. More would wait for each other, on the broker and here. */
const CONCURRENCY = 128;

/** How often the broker is asked for a sign of life while guests are waited for. */
const PROOF_EVERY_MS = 2000;

/** Ends a sweep before all have a verdict: its time is over, or the broker takes no pings. */
class SweepEnded extends Error {
  readonly failure: Unreachable | undefined;

  constructor(failure?: Unreachable) {
    super('The sweep ended early');
    this.failure = failure;
  }
}

/**
 * Pings every guest once, each with its own deadline. It may be run again when the connection was lost: it then
 * goes on with those that have no verdict yet.
 */
export class Sweep {
  /** Until when it may take, in the milliseconds of `performance.now()`. */
  readonly deadline: number;
  readonly #waiting: Set<string>;
  readonly #verdicts = new Map<string, Verdict>();
  readonly #ping: PingOne;

  constructor(instanceIds: Iterable<string>, ping: PingOne, deadline: number) {
    this.#waiting = new Set(instanceIds);
    this.#ping = ping;
    this.deadline = deadline;
  }

  get timeLeftMs(): number {
    return Math.max(0, this.deadline - performance.now());
  }

  get verdicts(): ReadonlyMap<string, Verdict> {
    return this.#verdicts;
  }

  /** The guests that have no verdict: time was short, or the broker failed. */
  get unreached(): ReadonlySet<string> {
    return this.#waiting;
  }

  /**
   * @param proveAlive asks the broker for a sign of life, and throws when there is none
   * @param signal ends it; it then throws the signal's reason
   * @returns what of the broker ended it, as a ping told
   * @throws MessageDeliveryFailure, `unconfirmed` or `closed`: the connection was lost
   */
  async run(
    rpc: RpcClient,
    proveAlive: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<Unreachable | undefined> {
    signal.throwIfAborted();
    const pings = new InFlight(CONCURRENCY);
    const timer = setTimeout(() => pings.stop(new SweepEnded()), this.timeLeftMs);
    signal.addEventListener('abort', () => pings.stop(signal.reason), { once: true });
    const watch = setInterval(() => proveAlive().catch((error) => pings.stop(error)), PROOF_EVERY_MS);
    const queue = this.#waiting.values(); // shared by all that take from it
    const takeTurns = async () => {
      for (const instanceId of queue) {
        await rpc.writable();
        if (pings.isStopped) return;
        await pings.begin((ping) => this.#judge(rpc, instanceId, ping));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, takeTurns));
    const stopReason = await pings.settled();
    clearTimeout(timer);
    clearInterval(watch);
    if (stopReason === undefined) return undefined;
    if (stopReason instanceof SweepEnded) return stopReason.failure;
    throw stopReason;
  }

  async #judge(rpc: RpcClient, instanceId: string, signal: AbortSignal): Promise<void> {
    const verdict = await this.#ping(rpc, instanceId, signal);
    // A guest's queue that takes no more messages has its ping refused too, but leaves the channel open.
    if (verdict.reachable === false && BROKER_REASONS.has(verdict.reason) && !rpc.isOpen)
      throw new SweepEnded(verdict);
    this.#waiting.delete(instanceId);
    this.#verdicts.set(instanceId, verdict);
  }
}
