import type { PingResult, Unreachable } from '../guest/ping-result.ts';
import type { Reason } from '../guest/reason.ts';
import type { Transport } from '../oslo/transport.ts';
import type { Deadline } from '../time/deadline.ts';
import type { Interruption } from '../time/interruption.ts';
import { ConcurrentPings } from './concurrent-pings.ts';
import { sharedProof } from './shared-proof.ts';

/** What is known of a guest after a sweep; `unknown`: its key could not be read, so the guest was not pinged. */
export type Verdict = PingResult | { readonly reachable: 'unknown'; readonly cause: string };

/**
 * Pings one guest; throws as `rpcPing` does.
 *
 * @param silenceMs after how long without an answer a guest counts as silent, and not just as slow as the others
 */
export type PingOne = (
  transport: Transport,
  instanceId: string,
  interruption: Interruption,
  silenceMs: () => number,
) => Promise<Verdict>;

/** What ended a sweep: all guests have a verdict, the time was over, or the broker takes no pings. */
export type SweepEnd =
  | { readonly kind: 'complete' }
  | { readonly kind: 'out_of_time' }
  | { readonly kind: 'broker_failed'; readonly failure: Unreachable };

/** These speak of the broker, and hold for every guest. */
const BROKER_REASONS: ReadonlySet<Reason> = new Set([
  'broker_unreachable',
  'broker_refused',
  'broker_blocked',
  'exchange_missing',
]);

/** How often the broker is asked for a sign of life while guests are waited for. */
const PROOF_EVERY_MS = 2000;

/**
 * Pings every guest once, each with its own deadline. When the connection was lost, the sweep may be run again, and
 * then goes on with those guests that have no verdict yet.
 */
export class Sweep {
  /** When the whole sweep ends. */
  readonly deadline: Deadline;
  readonly #waiting: Set<string>;
  /** The guests that have no verdict: time was short, or the broker failed. */
  readonly unreached: ReadonlySet<string>;
  readonly #verdicts = new Map<string, Verdict>();
  readonly verdicts: ReadonlyMap<string, Verdict> = this.#verdicts;
  /** When each unreachable guest's ping failed, in the milliseconds of `Date.now()`. */
  readonly #failedAt = new Map<string, number>();
  readonly #ping: PingOne;

  constructor(instanceIds: Iterable<string>, ping: PingOne, deadline: Deadline) {
    this.#waiting = new Set(instanceIds);
    this.unreached = this.#waiting;
    this.#ping = ping;
    this.deadline = deadline;
  }

  /** Adds guests that are to be pinged when the sweep is next run, unless they have a verdict. */
  add(instanceIds: Iterable<string>): void {
    for (const id of instanceIds) if (!this.#verdicts.has(id)) this.#waiting.add(id);
  }

  /** Takes the verdicts of these guests back: they are pinged again when the sweep is next run. */
  pingAgain(instanceIds: Iterable<string>): void {
    for (const id of instanceIds) if (this.#verdicts.delete(id)) this.#waiting.add(id);
  }

  /** When the guest's ping failed, in the milliseconds of `Date.now()`; undefined: it did not. */
  failedAt(instanceId: string): number | undefined {
    return this.#failedAt.get(instanceId);
  }

  /**
   * @param proveAlive asks the broker for a sign of life, and throws when there is none
   * @param interruption ends the sweep, which then throws its error
   * @throws MessageDeliveryFailure, `unconfirmed` or `closed`: the connection was lost
   */
  async run(
    transport: Transport,
    proveAlive: () => Promise<void>,
    interruption: Interruption,
  ): Promise<SweepEnd> {
    const { client, liveness } = transport;
    const pings = new ConcurrentPings(liveness);
    let outcome: () => SweepEnd = () => ({ kind: 'complete' });
    const stop = (why: () => SweepEnd) => {
      if (pings.isStopped) return; // what the stopped pings end in is a consequence
      outcome = why;
      pings.stop();
    };
    const proofOfLife = sharedProof(proveAlive);
    const fail = (error: unknown) =>
      stop(() => {
        throw error;
      });
    const silenceMs = () => pings.silenceMs;
    const ping = async (instanceId: string, stopped: Interruption) => {
      try {
        const verdict = await this.#ping(transport, instanceId, stopped, silenceMs);
        if (stopped.isInterrupted) return false;
        if (isOfBroker(verdict)) stop(() => ({ kind: 'broker_failed', failure: verdict }));
        else if (!needsProof(verdict)) this.#settle(instanceId, verdict);
        else {
          await Promise.race([proofOfLife(), pings.stopped]);
          if (!stopped.isInterrupted) this.#settle(instanceId, verdict);
        }
        return 'roundTripMs' in verdict;
      } catch (error) {
        fail(error);
        return false;
      }
    };
    const timer = setTimeout(() => stop(() => ({ kind: 'out_of_time' })), this.deadline.leftMs);
    const watch = setInterval(() => proofOfLife().catch(fail), PROOF_EVERY_MS);
    interruption.onInterrupted(fail);
    for (const instanceId of this.#waiting) {
      if (pings.isFull) await pings.slot();
      if (!client.isWritable) await Promise.race([client.writable(), pings.stopped]);
      if (pings.isStopped) break;
      pings.start((stopped) => ping(instanceId, stopped));
    }
    await pings.settled();
    clearTimeout(timer);
    clearInterval(watch);
    return outcome();
  }

  #settle(instanceId: string, verdict: Verdict): void {
    this.#waiting.delete(instanceId);
    this.#verdicts.set(instanceId, verdict);
    if (verdict.reachable) this.#failedAt.delete(instanceId);
    else if (!this.#failedAt.has(instanceId)) this.#failedAt.set(instanceId, Date.now());
  }
}

/** These mean something only while the connection lives: on a dead one, every guest is silent and every queue down. */
const OF_A_LIVING_CONNECTION: ReadonlySet<Reason> = new Set(['no_reply', 'no_consumer', 'queue_down']);

function needsProof(verdict: Verdict): boolean {
  return verdict.reachable === false && OF_A_LIVING_CONNECTION.has(verdict.reason);
}

/** Whether the verdict holds for all guests; the broker may also refuse the ping of one. */
function isOfBroker(verdict: Verdict): verdict is Unreachable {
  if (verdict.reachable !== false || !BROKER_REASONS.has(verdict.reason)) return false;
  return !('isOfGuest' in verdict && verdict.isOfGuest);
}
