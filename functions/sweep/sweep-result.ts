import type { Reachable, Unreachable } from '../guest/ping-result.ts';
import { REASONS, type Reason } from '../guest/reason.ts';
import type { TroveList } from '../trove/trove-list.ts';
import type { TopicFinding } from './control-plane.ts';
import type { Listing } from './known-guests.ts';
import type { Sweep, SweepEnd, Verdict } from './sweep.ts';

/** Where a sweep's guests came from: as {@link Listing}, or the event named them. */
export type Origin =
  | Omit<Listing, 'guests'>
  | { readonly from: 'event'; readonly problem?: undefined; readonly ageMs?: undefined };

/** `code` is the broker's reason, or a code that only sweeps have. */
export interface SweepError {
  readonly code: Reason | 'fleet_empty' | 'fleet_shrank' | 'fleet_unknown' | 'key_unreadable' | 'out_of_time';
  readonly message: string;
  /** RabbitMQ's own code and words. */
  readonly broker_said?: string;
}

/**
 * Why an unreachable guest is counted apart, and raises no alarm.
 *
 * - `new`: it has never answered, and was first seen less than an hour ago.
 * - `abandoned`: it has been unreachable for so long that it is no longer reported.
 * - `expected_silent`: Trove's status of the instance says that its agent is down for now.
 * - `orphaned`: Trove has deleted the instance, and its queue is left.
 * - `muted`: an operator wants to hear nothing of it for a while.
 */
export const APART = ['muted', 'expected_silent', 'new', 'abandoned', 'orphaned'] as const;
export type Apart = (typeof APART)[number];

/** A guest that is unreachable, and why. */
export interface Silent {
  readonly id: string;
  readonly why: Unreachable;
}

/** What a run of a sweep says of itself, beside its verdicts. */
export interface SweepRun {
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly durationMs: number;
  readonly origin: Origin;
  /** The guests that the broker has bound, where they were listed just now. */
  readonly bound?: ReadonlySet<string> | undefined;
  /** Undefined where there is no Trove. */
  readonly trove?: TroveList | undefined;
  /** The broker node of each guest's queue, where that was asked. */
  readonly queueNodes?: ReadonlyMap<string, string> | undefined;
  /** Undefined where the control plane was not pinged. */
  readonly controlPlane?: readonly TopicFinding[] | undefined;
  readonly end: SweepEnd;
}

export type SweepResult = Readonly<ReturnType<typeof sweepResult>>;

export function sweepResult(
  sweep: Pick<Sweep, 'verdicts' | 'unreached' | 'failedAt'>,
  { end: ended, ...run }: SweepRun,
) {
  const isNoneBound = isOfSetting(sweep.verdicts, run.origin);
  const end = isNoneBound ? ({ kind: 'broker_failed', failure: NONE_BOUND } as const) : ended;
  const { verdicts, unreached } = isNoneBound
    ? { verdicts: new Map<string, Verdict>(), unreached: new Set(sweep.verdicts.keys()) }
    : sweep;
  const hasFailed = end.kind === 'broker_failed';
  return {
    ...run,
    verdicts,
    /** The guests without a verdict because time was short or the broker failed. */
    unreached,
    /** When the guest's ping failed. */
    failedAt: (id: string) => new Date(sweep.failedAt(id) ?? run.endedAt),
    /** Of the reachable guests, from publish to reply, in ascending order. */
    roundTripsMs: Float64Array.from(verdicts.values().filter(isReachable), (each) => each.roundTripMs).sort(),
    /** False when the broker kept us from pinging; `error` says how. */
    isBrokerReachable: !hasFailed,
    /** What kept the sweep from being complete. */
    error: hasFailed ? brokerError(end.failure) : incompleteness(run.origin, { verdicts, unreached }),
  };
}

/** What is reported in place of all verdicts. */
const NONE_BOUND = {
  reachable: false,
  reason: 'queue_missing',
  cause:
    "Guests have queues, and none of them is bound to the control exchange: compare CONTROL_EXCHANGE with the agents' control_exchange",
} as const;

/** Whether no guest is bound to the exchange, though guests have queues: the setting is wrong, and not a guest. */
function isOfSetting(verdicts: Sweep['verdicts'], { from }: Origin): boolean {
  if (from !== 'queues') return false;
  const all = [...verdicts.values()];
  const isUnbound = (verdict: Verdict) => !verdict.reachable && verdict.reason === 'queue_missing';
  return all.every(isUnbound) && all.some((verdict) => 'queue' in verdict);
}

const NO_GUEST =
  'There is no guest: none is bound to the control exchange in this virtual host, as far as this user may see, and none is remembered';

/** What kept the sweep from being complete, though the broker was there. */
function incompleteness(
  { from, problem }: Origin,
  { verdicts, unreached }: Pick<Sweep, 'verdicts' | 'unreached'>,
): SweepError | undefined {
  if (from === 'nowhere' && problem) return { code: 'fleet_unknown', message: problem };
  if (unreached.size > 0)
    return { code: 'out_of_time', message: "The invocation's time was over before all guests had a verdict" };
  const keyless = verdicts.values().find((verdict) => verdict.reachable === 'unknown');
  if (keyless) return { code: 'key_unreadable', message: keyless.cause };
  // No guest is never a success: the exchange, the virtual host or the user may be the wrong one.
  return verdicts.size > 0 || from === 'event' ? undefined : { code: 'fleet_empty', message: NO_GUEST };
}

export type Tally = Readonly<ReturnType<typeof tally>>;

/** The reasons, from the worst to the least: the further a ping got, the better. */
export const SEVERITY = Object.keys(REASONS);

/**
 * Ranks and counts the guests of a sweep.
 *
 * @param apart the guests to be counted apart, where they are unreachable
 */
export function tally({ verdicts, unreached }: SweepResult, apart: ReadonlyMap<string, Apart> = new Map()) {
  const silent: Silent[] = [];
  for (const [id, why] of verdicts) if (why.reachable === false) silent.push({ id, why });
  const unreachable = silent.filter(({ id }) => !apart.has(id)).sort(worstFirst);
  const counts = { new: 0, abandoned: 0, expected_silent: 0, orphaned: 0, muted: 0 };
  for (const { id } of silent) {
    const kind = apart.get(id);
    if (kind) counts[kind]++;
  }
  const reachable = [...verdicts.values()].filter(isReachable);
  const checked = reachable.length + silent.length;
  const unknown = verdicts.size - checked + unreached.size;
  return {
    totals: {
      /** Guests with a verdict: the reachable, the unreachable, and those that are counted apart. */
      checked,
      reachable: reachable.length,
      unreachable: unreachable.length,
      /** Guests without a verdict, which may well live; `error` says why. */
      unknown,
      /** Reachable guests that answered in the clear, though their key is known: anyone may have answered. */
      guests_unencrypted: reachable.filter(isInTheClear).length,
      /** Reachable guests whose queue more than one agent consumes. */
      guests_with_several_consumers: reachable.filter(hasSeveralConsumers).length,
      ...counts,
    },
    /** Those that are not counted apart, worst first. */
    unreachable,
    apart,
  };
}

function isReachable(verdict: Verdict): verdict is Reachable {
  return verdict.reachable === true;
}

/** Its key is known, and it did not use it. */
export function isInTheClear(verdict: Verdict): boolean {
  return isReachable(verdict) && verdict.encrypted === false;
}

export function hasSeveralConsumers(verdict: Verdict): boolean {
  return isReachable(verdict) && verdict.consumers !== undefined;
}

function worstFirst({ why: a }: Silent, { why: b }: Silent): number {
  return SEVERITY.indexOf(a.reason) - SEVERITY.indexOf(b.reason) || waiting(b) - waiting(a);
}

function waiting(why: Unreachable): number {
  return ('queue' in why && why.queue?.messages) || 0;
}

function brokerError({ reason, cause, brokerSaid }: Unreachable): SweepError {
  return { code: reason, message: cause, ...(brokerSaid && { broker_said: brokerSaid }) };
}
