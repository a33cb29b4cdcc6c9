import type { Unreachable } from '../guest/ping-result.ts';
import type { Reason } from '../guest/reason.ts';
import { queueFields } from '../sweep/summary.ts';
import type { GuestState } from './fleet-state.ts';

/** How many sweeps in a row must say so before a guest counts as changed. */
export interface Thresholds {
  readonly unreachableAfterSweeps: number;
  readonly reachableAfterSweeps: number;
}

/** One thing that is reported of a guest. `since` is when it was first seen unreachable, or began to flap. */
export interface Change {
  readonly instance_id: string;
  /**
   * - `unreachable`, with the reason.
   * - `reason_changed`: still unreachable, by another reason.
   * - `flapping`: the guest changes too often to report each change; nothing more is reported until it is steady.
   * - `reachable`: again, after it was reported unreachable or flapping.
   * - `gone`: the guest was unreachable or flapping, and is no longer bound.
   */
  readonly change: 'unreachable' | 'reason_changed' | 'flapping' | 'reachable' | 'gone';
  /** Of an unreachable guest; of a guest that is gone or flapping, the last one. */
  readonly reason?: Reason;
  readonly since: string;
}

/** A change, of a guest that is known. */
type ChangeOf = Omit<Change, 'instance_id'>;

/** What is saved of a guest after a sweep, if anything, and what is reported of it, if anything. */
export interface Transition {
  readonly guest: GuestState | undefined;
  readonly change?: ChangeOf;
}

/** A guest flaps that has changed so often with no steady time in between. */
const FLAPPING_AFTER_FLIPS = 5;

/** A guest is steady that at least so many sweeps in a row have found alike. */
const STEADY_AFTER_SWEEPS = 6;

/**
 * The guest's state after one more verdict.
 *
 * @param before undefined: the guest was plainly reachable, or is new
 * @param why undefined: the guest has answered
 * @param now when the sweep ended, ISO 8601 in UTC
 */
export function transition(
  before: GuestState | undefined,
  why: Unreachable | undefined,
  now: string,
  thresholds: Thresholds,
): Transition {
  const seen = why ? unanswered(before, why, now) : before && answered(before, now);
  if (seen === undefined) return { guest: undefined };
  const { unreachableAfterSweeps, reachableAfterSweeps } = thresholds;
  const isSteady =
    seen.same_sweeps >= Math.max(STEADY_AFTER_SWEEPS, unreachableAfterSweeps, reachableAfterSweeps);
  const change = toReport(seen, isSteady, thresholds);
  const reported = change === undefined ? seen : withReported(seen, change);
  const isForgotten = isSteady && reported.sweeps === 0 && reported.reported === 'nothing';
  const guest = isSteady ? { ...reported, flips: 0 } : reported;
  return { guest: isForgotten ? undefined : guest, ...(change && { change }) };
}

/** The last report on a guest that is no longer bound. */
export function remove({ reported, reason, since, flips_since: flipsSince }: GuestState): Transition {
  if (reported === 'nothing') return { guest: undefined };
  const change = { change: 'gone', reason, since: reported === 'flapping' ? flipsSince : since } as const;
  return { guest: undefined, change };
}

/** Counts an answer, and reports nothing yet. */
function answered(before: GuestState, now: string): GuestState {
  const { waiting_messages: _, consumers: __, ...saved } = before;
  return { ...saved, sweeps: 0, ...flipped(before, before.sweeps === 0, now) };
}

/** Counts that no answer came, and reports nothing yet. */
function unanswered(before: GuestState | undefined, why: Unreachable, now: string): GuestState {
  const { reported = 'nothing', reported_reason: reportedReason, sweeps = 0 } = before ?? {};
  const isSame = sweeps > 0 && before?.reason === why.reason;
  return {
    reason: why.reason,
    since: before !== undefined && (sweeps > 0 || reported === 'unreachable') ? before.since : now,
    sweeps: sweeps + 1,
    ...flipped(before, isSame, now),
    reported,
    ...(reportedReason && { reported_reason: reportedReason }),
    ...queueFields(why),
  };
}

function flipped(
  before: GuestState | undefined,
  isSame: boolean,
  now: string,
): Pick<GuestState, 'same_sweeps' | 'flips' | 'flips_since'> {
  const { same_sweeps: same = 0, flips = 0, flips_since: since = now } = before ?? {};
  if (isSame) return { same_sweeps: same + 1, flips, flips_since: since };
  return { same_sweeps: 1, flips: flips + 1, flips_since: flips > 0 ? since : now };
}

function toReport(seen: GuestState, isSteady: boolean, thresholds: Thresholds): ChangeOf | undefined {
  const { reported, reason, since, sweeps, same_sweeps: same, flips_since: flipsSince } = seen;
  if (reported === 'flapping') {
    if (!isSteady) return undefined;
    return sweeps > 0 ? { change: 'unreachable', reason, since } : { change: 'reachable', since: flipsSince };
  }
  if (seen.flips >= FLAPPING_AFTER_FLIPS) return { change: 'flapping', reason, since: flipsSince };
  if (reported === 'unreachable') {
    if (sweeps === 0)
      return same >= thresholds.reachableAfterSweeps ? { change: 'reachable', since } : undefined;
    const isOther = seen.reported_reason !== reason && same >= thresholds.unreachableAfterSweeps;
    return isOther ? { change: 'reason_changed', reason, since } : undefined;
  }
  return sweeps >= thresholds.unreachableAfterSweeps ? { change: 'unreachable', reason, since } : undefined;
}

function withReported({ reported_reason: _, ...seen }: GuestState, { change }: ChangeOf): GuestState {
  if (change === 'flapping') return { ...seen, reported: 'flapping' };
  if (change === 'reachable') return { ...seen, reported: 'nothing' };
  return { ...seen, reported: 'unreachable', reported_reason: seen.reason };
}
