import type { Unreachable } from '../guest/ping-result.ts';
import type { Reason } from '../guest/reason.ts';
import type { SweepRequest } from './sweep-request.ts';
import type { Origin, SweepError, SweepResult, Totals } from './sweep-result.ts';

/** What a sweep found: returned, logged and shown. Times are in milliseconds. */
export interface Summary extends Totals {
  readonly unreachable_by_reason: Readonly<Partial<Record<Reason, number>>>;
  /** False when the broker kept us from pinging; `error` says how. */
  readonly broker_reachable: boolean;
  /** Of the reachable guests, from publish to reply; null when there are none. */
  readonly round_trip_ms: Percentiles | null;
  readonly duration_ms: number;
  /**
   * Whether the event named the guests, they are bound to the control exchange, they have a queue, the last list was
   * taken, or there was none.
   */
  readonly guests_from: Origin['from'];
  /** How old the last list was. */
  readonly list_age_ms?: number;
  /** Why the guests were not found a better way. */
  readonly list_problem?: string;
  /** The worst of the unreachable; the others are only counted. */
  readonly unreachable_guests: readonly UnreachableGuest[];
  readonly unreachable_guests_omitted: number;
  /** What the event names that is no instance id. */
  readonly malformed_ids: readonly string[];
  readonly duplicate_ids: readonly string[];
  /** What kept the sweep from being complete. */
  readonly error?: SweepError;
}

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface UnreachableGuest {
  readonly instance_id: string;
  readonly reason: Reason;
  /** When the guest was first seen unreachable (ISO 8601, UTC), where that is saved. */
  readonly since?: string;
  /** Messages in the guest's queue, where the broker said so. */
  readonly waiting_messages?: number;
  /** Of a silent guest: consumers of its queue; null where the broker did not say. */
  readonly consumers?: number | null;
}

/** How many unreachable guests, malformed and duplicate ids a summary lists: a log line has its limit. */
export const MAX_IN_SUMMARY = 100;

export function summarize(result: SweepResult, request: SweepRequest): Summary {
  const { origin, unreachable, error } = result;
  const byReason = Map.groupBy(unreachable, ([, { reason }]) => reason);
  return {
    ...result.totals,
    unreachable_by_reason: Object.fromEntries([...byReason].map(([reason, { length }]) => [reason, length])),
    broker_reachable: result.isBrokerReachable,
    round_trip_ms: percentiles(result.roundTripsMs),
    duration_ms: Math.round(result.durationMs),
    guests_from: origin.from,
    ...(origin.ageMs !== undefined && { list_age_ms: origin.ageMs }),
    ...(origin.problem !== undefined && { list_problem: origin.problem }),
    unreachable_guests: unreachable.slice(0, MAX_IN_SUMMARY).map(([id, why]) => listed(id, why)),
    unreachable_guests_omitted: Math.max(0, unreachable.length - MAX_IN_SUMMARY),
    malformed_ids: request.malformed.slice(0, MAX_IN_SUMMARY),
    duplicate_ids: request.duplicates.slice(0, MAX_IN_SUMMARY),
    ...(error && { error }),
  };
}

function listed(instanceId: string, why: Unreachable): UnreachableGuest {
  return { instance_id: instanceId, reason: why.reason, ...queueFields(why) };
}

/** What a silent guest's queue has, as fields of the summary and of a log line. */
export function queueFields(why: Unreachable): Pick<UnreachableGuest, 'consumers' | 'waiting_messages'> {
  if (!('queue' in why)) return {};
  const { queue } = why;
  if (queue === undefined) return { consumers: null };
  return { waiting_messages: queue.messages, consumers: queue.consumers };
}

/** By nearest rank. */
function percentiles(ascending: Float64Array): Percentiles | null {
  if (ascending.length === 0) return null;
  const at = (share: number) => ascending[Math.ceil(share * ascending.length) - 1] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
