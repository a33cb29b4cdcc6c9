import type { Unreachable } from '../guest/ping-result.ts';
import type { Reason } from '../guest/reason.ts';
import { queueFields } from '../sweep/summary.ts';
import { flipped, isFlapping, STEADY_AFTER_SWEEPS } from './flapping.ts';
import type { GuestState } from './fleet-state.ts';

/** When a guest counts as changed. */
export interface Thresholds {
  /** How many sweeps in a row must say so. */
  readonly unreachableAfterSweeps: number;
  readonly reachableAfterSweeps: number;
  /** After how long an unreachable guest counts as abandoned, in milliseconds. */
  readonly abandonedAfterMs: number;
  /** After how long people are reminded of an unreachable guest, in milliseconds; 0: never. */
  readonly remindAfterMs: number;
  /** How often a sweep is scheduled, in milliseconds; undefined: by nobody, and each sweep counts. */
  readonly rateMs?: number | undefined;
}

/** One thing that is reported of a guest. `since` is when it was first seen unreachable, or began to flap. */
export interface Change {
  readonly instance_id: string;
  /** Trove's name of the instance, where it is known. */
  readonly name?: string;
  /**
   * - `unreachable`, with the reason.
   * - `reason_changed`: still unreachable, by another reason.
   * - `flapping`: the guest changes too often to report each change; nothing more is reported until it is steady.
   * - `reachable`: again, after it was reported unreachable, flapping or abandoned.
   * - `abandoned`: unreachable for so long that it is counted apart from now on.
   * - `mute_ended`: still unreachable, and no longer muted.
   * - `deleted`: Trove has deleted the instance.
   * - `unknown_to_trove`: the guest answers, though Trove does not list its instance.
   */
  readonly change:
    | 'unreachable'
    | 'reason_changed'
    | 'flapping'
    | 'reachable'
    | 'abandoned'
    | 'mute_ended'
    | 'deleted'
    | 'unknown_to_trove';
  /** Of an unreachable guest; of a guest that is flapping, the last one. */
  readonly reason?: Reason;
  readonly since: string;
}

/** A change, of a guest that is known. */
type ChangeOf = Omit<Change, 'instance_id'>;

/** What a sweep found of a guest. */
export interface Finding {
  /** As {@link answered} or {@link unanswered} have counted it. */
  readonly guest: GuestState;
  /** Its silence is no news; it is counted all the same. */
  readonly isExcused: boolean;
  readonly isMuted: boolean;
}

/**
 * The guest's state after one more finding, and what is reported of it, if anything.
 *
 * @param before undefined: the guest was plainly reachable, or has just been found
 * @param isRepeat found by a sweep too soon after the one before to count as one more that says the same
 */
export function transition(
  before: GuestState | undefined,
  { guest: counted, isExcused, isMuted }: Finding,
  isRepeat: boolean,
  thresholds: Thresholds,
) {
  const seen = isRepeat && before ? { ...counted, ...countsBefore(counted, before) } : counted;
  const { unreachableAfterSweeps, reachableAfterSweeps } = thresholds;
  const isSteady =
    (seen.sweeps || seen.same_sweeps) >=
    Math.max(STEADY_AFTER_SWEEPS, unreachableAfterSweeps, reachableAfterSweeps);
  const due = isExcused ? undefined : toReport(seen, isSteady, thresholds);
  const wasMuted = before?.muted === true;
  const change = isMuted ? inMute(due) : wasMuted && !isExcused ? afterMute(seen, due) : due;
  const reported = change === undefined ? seen : withReported(seen, change);
  const isUntold = wasMuted && (isExcused || seen.sweeps === 0) && change?.change !== 'reachable';
  const isStillMuted = isMuted || isUntold;
  return {
    guest: { ...reported, ...(isSteady && { flips: 0 }), ...(isStillMuted && { muted: true as const }) },
    /** The guest is plainly reachable, and nothing is saved of it. */
    isForgotten: isSteady && reported.sweeps === 0 && reported.reported === 'nothing',
    change,
    /** Nobody is told of the change: the guest is muted, or was until now and answers again. */
    isQuiet: isMuted || (wasMuted && seen.sweeps === 0),
  };
}

/** A muted guest is not abandoned: when its mute ends, people hear of it first. */
function inMute(due: ChangeOf | undefined): ChangeOf | undefined {
  return due?.change === 'abandoned' ? undefined : due;
}

/** A guest that is still unreachable when its mute has ended is reported, whatever was seen of it meanwhile. */
function afterMute(seen: GuestState, due: ChangeOf | undefined): ChangeOf | undefined {
  const { sweeps, reported, reason, since } = seen;
  const isUnreachable = reported === 'unreachable' || reported === 'flapping' || due !== undefined;
  if (sweeps === 0 || !isUnreachable || due?.change === 'abandoned') return due;
  return { change: 'mute_ended', reason, since };
}

/** Counts an answer, and reports nothing yet. */
export function answered(
  { reason, since, flips, flips_since, ...before }: GuestState,
  at: string,
): GuestState {
  const { reported, reported_reason: reportedReason, sweeps, same_sweeps: same } = before;
  const isSame = sweeps === 0;
  return {
    reason,
    since,
    at,
    sweeps: 0,
    same_sweeps: isSame ? same + 1 : 1,
    ...flipped({ flips, flips_since }, isSame, at),
    reported,
    ...(reportedReason && { reported_reason: reportedReason }),
  };
}

/** Counts that no answer came, and reports nothing yet. */
export function unanswered(before: GuestState | undefined, why: Unreachable, at: string): GuestState {
  const { reported = 'nothing', reported_reason: reportedReason, sweeps = 0 } = before ?? {};
  const isSame = sweeps > 0 && before?.reason === why.reason;
  const isOngoing = sweeps > 0 || reported === 'unreachable' || reported === 'abandoned';
  return {
    reason: why.reason,
    since: before !== undefined && isOngoing ? before.since : at,
    at,
    sweeps: sweeps + 1,
    same_sweeps: isSame && before ? before.same_sweeps + 1 : 1,
    ...flipped(before ?? { flips: 0, flips_since: at }, sweeps > 0, at),
    reported,
    ...(reportedReason && { reported_reason: reportedReason }),
    ...queueFields(why),
  };
}

/** The counts as they were, of what is found again. */
function countsBefore(seen: GuestState, { sweeps, same_sweeps: same }: GuestState): Partial<GuestState> {
  return { ...(seen.sweeps > 1 && { sweeps }), ...(seen.same_sweeps > 1 && { same_sweeps: same }) };
}

function toReport(
  seen: GuestState,
  isSteady: boolean,
  { unreachableAfterSweeps, reachableAfterSweeps, abandonedAfterMs }: Thresholds,
): ChangeOf | undefined {
  const { reported, reason, since, at, sweeps, same_sweeps: same, flips_since: flipsSince } = seen;
  if (reported === 'flapping') {
    if (!isSteady) return undefined;
    return sweeps > 0 ? { change: 'unreachable', reason, since } : { change: 'reachable', since: flipsSince };
  }
  if (isFlapping(seen)) return { change: 'flapping', reason, since: flipsSince };
  if (reported === 'nothing')
    return sweeps >= unreachableAfterSweeps ? { change: 'unreachable', reason, since } : undefined;
  if (sweeps === 0) return same >= reachableAfterSweeps ? { change: 'reachable', since } : undefined;
  if (reported === 'abandoned') return undefined;
  if (Date.parse(at ?? since) - Date.parse(since) >= abandonedAfterMs)
    return { change: 'abandoned', reason, since };
  const isOther = seen.reported_reason !== reason && same >= unreachableAfterSweeps;
  return isOther ? { change: 'reason_changed', reason, since } : undefined;
}

function withReported({ reported_reason: _, ...seen }: GuestState, { change }: ChangeOf): GuestState {
  if (change === 'flapping' || change === 'abandoned') return { ...seen, reported: change };
  if (change === 'reachable') return { ...seen, reported: 'nothing' };
  return { ...seen, reported: 'unreachable', reported_reason: seen.reason };
}
