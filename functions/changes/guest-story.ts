import type { Unreachable } from '../guest/ping-result.ts';
import type { Reason } from '../guest/reason.ts';
import { queueFields } from '../sweep/summary.ts';
import type { GuestState } from './fleet-state.ts';

/** How many sweeps in a row must say so before a guest counts as changed. */
export interface Thresholds {
  readonly unreachableAfterSweeps: number;
  readonly reachableAfterSweeps: number;
}

/** One thing that is told of a guest. `since` is when the guest was first seen unreachable, or began to flap. */
export interface Change {
  readonly instance_id: string;
  /**
   * - `unreachable`, with the reason.
   * - `reason_changed`: still unreachable, by another reason.
   * - `flapping`: the guest changes too often to be told each time, so that nothing more is told until it is steady.
   * - `reachable`: again, after it was told that the guest is unreachable or flapping.
   * - `gone`: the guest was unreachable or flapping, and is no longer bound.
   */
  readonly change: 'unreachable' | 'reason_changed' | 'flapping' | 'reachable' | 'gone';
  /** Of an unreachable guest; of a guest that is gone or flapping, the last one. */
  readonly reason?: Reason;
  readonly since: string;
}

/** A change without the guest. */
type Told = Omit<Change, 'instance_id'>;

/** What is kept of a guest after a sweep, if anything, and what is to be told of it, if anything. */
export interface NextChapter {
  readonly guest: GuestState | undefined;
  readonly change?: Told;
}

/** A guest flaps that has changed so often with no steady time in between. */
const FLAPPING_AFTER_TURNS = 5;

/** A guest is steady that at least so many sweeps in a row have found alike. */
const STEADY_AFTER_SWEEPS = 6;

/**
 * The guest's state after one more verdict.
 *
 * @param before undefined: the guest was plainly reachable, or is new
 * @param why undefined: the guest has answered
 * @param now when the sweep ended, ISO 8601 in UTC
 */
export function nextChapter(
  before: GuestState | undefined,
  why: Unreachable | undefined,
  now: string,
  thresholds: Thresholds,
): NextChapter {
  const seen = why ? unanswered(before, why, now) : before && answered(before, now);
  if (seen === undefined) return { guest: undefined };
  const { unreachableAfterSweeps, reachableAfterSweeps } = thresholds;
  const isSteady =
    seen.same_sweeps >= Math.max(STEADY_AFTER_SWEEPS, unreachableAfterSweeps, reachableAfterSweeps);
  const change = toTell(seen, isSteady, thresholds);
  const guest = change === undefined ? seen : told(seen, change);
  const telling = change === undefined ? {} : { change };
  if (!isSteady) return { guest, ...telling };
  const isForgotten = guest.sweeps === 0 && guest.told === 'nothing';
  return { guest: isForgotten ? undefined : { ...guest, turns: 0 }, ...telling };
}

/** The last word on a guest that is no longer bound. */
export function farewell({ told, reason, since, turns_since: turnsSince }: GuestState): NextChapter {
  if (told === 'nothing') return { guest: undefined };
  return {
    guest: undefined,
    change: { change: 'gone', reason, since: told === 'flapping' ? turnsSince : since },
  };
}

/** Counts an answer, and tells nothing yet. */
function answered(before: GuestState, now: string): GuestState {
  const { waiting_messages: _, consumers: __, ...kept } = before;
  return { ...kept, sweeps: 0, ...turned(before, before.sweeps === 0, now) };
}

/** Counts that no answer came, and tells nothing yet. */
function unanswered(before: GuestState | undefined, why: Unreachable, now: string): GuestState {
  const { told = 'nothing', told_reason: toldReason, sweeps = 0 } = before ?? {};
  const isSame = sweeps > 0 && before?.reason === why.reason;
  return {
    reason: why.reason,
    since: before !== undefined && (sweeps > 0 || told === 'unreachable') ? before.since : now,
    sweeps: sweeps + 1,
    ...turned(before, isSame, now),
    told,
    ...(toldReason && { told_reason: toldReason }),
    ...queueFields(why),
  };
}

function turned(
  before: GuestState | undefined,
  isSame: boolean,
  now: string,
): Pick<GuestState, 'same_sweeps' | 'turns' | 'turns_since'> {
  const { same_sweeps: same = 0, turns = 0, turns_since: since = now } = before ?? {};
  if (isSame) return { same_sweeps: same + 1, turns, turns_since: since };
  return { same_sweeps: 1, turns: turns + 1, turns_since: turns > 0 ? since : now };
}

function toTell(seen: GuestState, isSteady: boolean, thresholds: Thresholds): Told | undefined {
  const { told, reason, since, sweeps, same_sweeps: same, turns_since: turnsSince } = seen;
  if (told === 'flapping') {
    if (!isSteady) return undefined;
    return sweeps > 0 ? { change: 'unreachable', reason, since } : { change: 'reachable', since: turnsSince };
  }
  if (seen.turns >= FLAPPING_AFTER_TURNS) return { change: 'flapping', reason, since: turnsSince };
  if (told === 'unreachable') {
    if (sweeps === 0)
      return same >= thresholds.reachableAfterSweeps ? { change: 'reachable', since } : undefined;
    const isOther = seen.told_reason !== reason && same >= thresholds.unreachableAfterSweeps;
    return isOther ? { change: 'reason_changed', reason, since } : undefined;
  }
  return sweeps >= thresholds.unreachableAfterSweeps ? { change: 'unreachable', reason, since } : undefined;
}

function told({ told_reason: _, ...seen }: GuestState, { change }: Told): GuestState {
  if (change === 'flapping') return { ...seen, told: 'flapping' };
  if (change === 'reachable') return { ...seen, told: 'nothing' };
  return { ...seen, told: 'unreachable', told_reason: seen.reason };
}
