import { excerpt } from '../excerpt.ts';
import type { Unreachable } from '../guest/ping-result.ts';
import type { Reason } from '../guest/reason.ts';
import type { SweepRequest } from './sweep-request.ts';
import type { Origin, SweepError, SweepResult, Tally } from './sweep-result.ts';

/** What a sweep found: returned, logged and shown. Times are in milliseconds. */
export interface Summary extends Omit<Readonly<Tally['totals']>, 'orphaned'> {
  readonly unreachable_by_reason: Readonly<Partial<Record<Reason, number>>>;
  /** False when the broker kept us from pinging; `error` says how. */
  readonly broker_reachable: boolean;
  /** Of the reachable guests, from publish to reply; null when there are none. */
  readonly round_trip_ms: ReturnType<typeof percentiles>;
  readonly duration_ms: number;
  /**
   * Whether the event named the guests, they are bound to the control exchange, they have a queue, the last list was
   * taken, or there was none.
   */
  readonly guests_from: Origin['from'];
  /** How old the last list was. */
  readonly list_age_ms?: number | undefined;
  /** Why the guests were not found a better way. */
  readonly list_problem?: string | undefined;
  /** The worst of the unreachable; the others are only counted. */
  readonly unreachable_guests: readonly UnreachableGuest[];
  readonly unreachable_guests_omitted: number;
  /** Guests that Trove has deleted, and whose queues are left. */
  readonly orphaned_queues: readonly string[];
  /** What the event names that is no instance id. */
  readonly malformed_ids: readonly string[];
  readonly duplicate_ids: readonly string[];
  /** Guests to forget that no sweep has seen. */
  readonly unseen_ids?: readonly string[] | undefined;
  /** What kept the sweep from being complete. */
  readonly error?: SweepError | undefined;
}

export interface UnreachableGuest {
  readonly instance_id: string;
  readonly reason: Reason;
  /** What Trove says of the instance, where it is known. */
  readonly name?: string | undefined;
  readonly project_id?: string | undefined;
  readonly hypervisor?: string | undefined;
  readonly trove_status?: string | undefined;
  /** When the guest was first seen unreachable (ISO 8601, UTC), where that is saved. */
  readonly since?: string | undefined;
  /** Messages in the guest's queue, where the broker said so. */
  readonly waiting_messages?: number;
  /** Of a silent guest: consumers of its queue; null where the broker did not say. */
  readonly consumers?: number | null;
}

/** How many unreachable guests, malformed and duplicate ids a summary lists: a log line has its limit. */
export const MAX_IN_SUMMARY = 100;

/** @param error what kept the sweep from being complete, or a fact about the fleet */
export function summarize(
  { origin, isBrokerReachable, roundTripsMs, durationMs, trove }: SweepResult,
  { totals: { orphaned: _, ...totals }, unreachable, apart }: Tally,
  error: SweepError | undefined,
  request: SweepRequest,
): Summary {
  const byReason = Map.groupBy(unreachable, ({ why }) => why.reason);
  const { shown, omitted } = excerpt(unreachable, MAX_IN_SUMMARY);
  const orphaned = [...apart].filter(([, why]) => why === 'orphaned').map(([id]) => id);
  return {
    ...totals,
    unreachable_by_reason: Object.fromEntries([...byReason].map(([reason, { length }]) => [reason, length])),
    broker_reachable: isBrokerReachable,
    round_trip_ms: percentiles(roundTripsMs),
    duration_ms: Math.round(durationMs),
    guests_from: origin.from,
    list_age_ms: origin.ageMs ?? trove?.ageMs,
    list_problem: (origin.from === 'nowhere' ? undefined : origin.problem) ?? trove?.problem, // else it is the error
    unreachable_guests: shown.map(({ id, why }) => ({
      instance_id: id,
      reason: why.reason,
      ...queueFields(why),
    })),
    unreachable_guests_omitted: omitted,
    orphaned_queues: orphaned.slice(0, MAX_IN_SUMMARY),
    malformed_ids: request.malformed.slice(0, MAX_IN_SUMMARY),
    duplicate_ids: request.duplicates.slice(0, MAX_IN_SUMMARY),
    error,
  };
}

/** What a silent guest's queue has, as fields of the summary and of a log line. */
export function queueFields(why: Unreachable): Pick<UnreachableGuest, 'consumers' | 'waiting_messages'> {
  if (!('queue' in why)) return {};
  const { queue } = why;
  if (queue === undefined) return { consumers: null };
  return { waiting_messages: queue.messages, consumers: queue.consumers };
}

/** By nearest rank. */
function percentiles(ascending: Float64Array) {
  if (ascending.length === 0) return null;
  const at = (share: number) => ascending[Math.ceil(share * ascending.length) - 1] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
