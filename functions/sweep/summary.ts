import type { Told } from '../changes/told-summary.ts';
import type { Unreachable } from '../guest/ping-result.ts';
import { REASONS, type Reason } from '../guest/reason.ts';
import type { Listing } from './fleet.ts';
import type { Sweep } from './sweep.ts';
import type { SweepRequest } from './sweep-request.ts';

/** What a sweep found: returned, logged and shown. Times are in milliseconds. */
export interface Summary extends Partial<Told> {
  /** Guests with a verdict: the reachable and the unreachable. */
  readonly checked: number;
  readonly reachable: number;
  readonly unreachable: number;
  readonly unreachable_by_reason: Readonly<Partial<Record<Reason, number>>>;
  /** Guests without a verdict, which may well live; `error` says why. */
  readonly unknown: number;
  /** False when the broker kept us from pinging; `error` says how. */
  readonly broker_reachable: boolean;
  /** Of the reachable guests, from publish to reply; null when there are none. */
  readonly round_trip_ms: Percentiles | null;
  readonly duration_ms: number;
  /**
   * Whether the event named the guests, they are bound to the control exchange, they have a queue, the last list was
   * taken, or there was none.
   */
  readonly guests_from: 'event' | Listing['from'] | 'nowhere';
  /** How old the last list was. */
  readonly list_age_ms?: number;
  /** Why the guests were not found a better way. */
  readonly list_problem?: string;
  /** The worst of the unreachable; the others are only counted. */
  readonly unreachable_guests: readonly UnreachableGuest[];
  readonly unreachable_guests_omitted: number;
  /** The ids that the event named in vain. */
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
  /** When the guest was first seen unreachable (ISO 8601, UTC), where that is kept. */
  readonly since?: string;
  /** Messages in the guest's queue, where the broker said so. */
  readonly waiting_messages?: number;
  /** Of a silent guest: consumers of its queue; null where the broker did not say. */
  readonly consumers?: number | null;
}

/** `code` is the broker's reason, or a code that only sweeps have. */
export interface SweepError {
  readonly code: Reason | 'fleet_unknown' | 'key_unreadable' | 'out_of_time';
  readonly message: string;
}

/** Where the guests came from. */
export type Origin = Pick<Summary, 'guests_from' | 'list_age_ms' | 'list_problem'>;

/** How many unreachable guests, malformed and duplicate ids a summary names: a log line has its limit. */
export const MAX_NAMED = 100;

/** The reasons, from the worst to the least: the further a ping got, the better. */
const SEVERITY = Object.keys(REASONS);

/** All that the sweep found unreachable, worst first, each with why. */
export function unreachableGuests({ verdicts }: Sweep): [instanceId: string, why: Unreachable][] {
  const all: [string, Unreachable][] = [];
  for (const [id, verdict] of verdicts) if (verdict.reachable === false) all.push([id, verdict]);
  const rank = ({ reason }: Unreachable) => SEVERITY.indexOf(reason);
  return all.sort(([, a], [, b]) => rank(a) - rank(b) || (waiting(b) ?? 0) - (waiting(a) ?? 0));
}

/** Milliseconds from publish to reply of all reachable guests, in ascending order. */
export function roundTrips({ verdicts }: Sweep): Float64Array {
  const all: number[] = [];
  for (const verdict of verdicts.values()) if (verdict.reachable === true) all.push(verdict.roundTripMs);
  return Float64Array.from(all).sort();
}

/** @param failure why the broker ended the sweep, or that the guests could not be listed */
export function summarize(
  sweep: Sweep,
  request: SweepRequest,
  origin: Origin,
  failure: SweepError | undefined,
  durationMs: number,
): Summary {
  const unreachable = unreachableGuests(sweep);
  const times = roundTrips(sweep);
  const checked = times.length + unreachable.length;
  const error = failure ?? incompleteness(sweep);
  return {
    checked,
    reachable: times.length,
    unreachable: unreachable.length,
    unreachable_by_reason: Object.fromEntries(
      Map.groupBy(unreachable, ([, { reason }]) => reason)
        .entries()
        .map(([reason, guests]) => [reason, guests.length]),
    ),
    unknown: sweep.verdicts.size - checked + sweep.unreached.size,
    broker_reachable: failure === undefined || failure.code === 'fleet_unknown',
    round_trip_ms: percentiles(times),
    duration_ms: Math.round(durationMs),
    ...origin,
    unreachable_guests: unreachable.slice(0, MAX_NAMED).map(([id, why]) => named(id, why)),
    unreachable_guests_omitted: Math.max(0, unreachable.length - MAX_NAMED),
    malformed_ids: request.malformed.slice(0, MAX_NAMED),
    duplicate_ids: request.duplicates.slice(0, MAX_NAMED),
    ...(error && { error }),
  };
}

function incompleteness({ verdicts, unreached }: Sweep): SweepError | undefined {
  if (unreached.size > 0)
    return { code: 'out_of_time', message: 'The invocation’s time was over before all guests had a verdict' };
  const keyless = verdicts.values().find((verdict) => verdict.reachable === 'unknown');
  return keyless && { code: 'key_unreadable', message: keyless.cause };
}

function named(instanceId: string, why: Unreachable): UnreachableGuest {
  return { instance_id: instanceId, reason: why.reason, ...queueFields(why) };
}

/** What a silent guest's queue has, as fields of the summary and of a log line. */
export function queueFields(why: Unreachable): Pick<UnreachableGuest, 'consumers' | 'waiting_messages'> {
  if (!('queue' in why)) return {};
  const { queue } = why;
  if (queue === undefined) return { consumers: null };
  return { waiting_messages: queue.messages, consumers: queue.consumers };
}

function waiting(why: Unreachable): number | undefined {
  return 'queue' in why ? why.queue?.messages : undefined;
}

/** By nearest rank. */
function percentiles(ascending: Float64Array): Percentiles | null {
  if (ascending.length === 0) return null;
  const at = (share: number) => ascending[Math.ceil(share * ascending.length) - 1] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
