import type { Reachable, Unreachable } from '../guest/ping-result.ts';
import { REASONS, type Reason } from '../guest/reason.ts';
import type { Listing } from './fleet.ts';
import type { Sweep, SweepEnd, Verdict } from './sweep.ts';

/** Where a sweep's guests came from: as {@link Listing}, the event named them, or they could not be listed. */
export type Origin =
  | Omit<Listing, 'guests'>
  | { readonly from: 'event' | 'nowhere'; readonly problem?: undefined; readonly ageMs?: undefined };

/** `code` is the broker's reason, or a code that only sweeps have. */
export interface SweepError {
  readonly code: Reason | 'fleet_unknown' | 'key_unreadable' | 'out_of_time';
  readonly message: string;
}

/** How many guests there are of each kind. */
export interface Totals {
  /** Guests with a verdict: the reachable and the unreachable. */
  readonly checked: number;
  readonly reachable: number;
  readonly unreachable: number;
  /** Guests without a verdict, which may well live; `error` says why. */
  readonly unknown: number;
}

/** What a sweep found, ranked and counted once; the summary, the history and the log read it. */
export interface SweepResult {
  /** When the sweep ended. */
  readonly endedAt: Date;
  readonly durationMs: number;
  readonly origin: Origin;
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** The guests without a verdict because time was short or the broker failed. */
  readonly unreached: ReadonlySet<string>;
  readonly totals: Totals;
  /** Each unreachable guest and why, worst first. */
  readonly unreachable: readonly (readonly [instanceId: string, why: Unreachable])[];
  /** Of the reachable guests, in ascending order. */
  readonly roundTripsMs: Float64Array;
  /** False when the broker kept us from pinging; `error` says how. */
  readonly isBrokerReachable: boolean;
  /** What kept the sweep from being complete. */
  readonly error: SweepError | undefined;
}

/** The reasons, from the worst to the least: the further a ping got, the better. */
const SEVERITY = Object.keys(REASONS);

/** How a sweep went. */
export interface SweepRun extends Pick<SweepResult, 'endedAt' | 'durationMs' | 'origin'> {
  readonly end: SweepEnd;
  /** Why the guests could not be listed. */
  readonly problem?: SweepError | undefined;
}

export function sweepResult(
  { verdicts, unreached }: Pick<Sweep, 'verdicts' | 'unreached'>,
  { end, problem, ...run }: SweepRun,
): SweepResult {
  const isBrokerReachable = end.kind !== 'broker_failed';
  const unreachable = [...verdicts].filter(isUnreachable).sort(([, a], [, b]) => worstFirst(a, b));
  const roundTripsMs = Float64Array.from([...verdicts.values()].filter(isReachable), roundTrip).sort();
  const checked = roundTripsMs.length + unreachable.length;
  const unknown = verdicts.size - checked + unreached.size;
  const failure = isBrokerReachable ? problem : { code: end.failure.reason, message: end.failure.cause };
  return {
    ...run,
    verdicts,
    unreached,
    totals: { checked, reachable: roundTripsMs.length, unreachable: unreachable.length, unknown },
    unreachable,
    roundTripsMs,
    isBrokerReachable,
    error: failure ?? incompleteness(verdicts, unreached),
  };
}

function incompleteness(
  verdicts: SweepResult['verdicts'],
  unreached: SweepResult['unreached'],
): SweepError | undefined {
  if (unreached.size > 0)
    return { code: 'out_of_time', message: "The invocation's time was over before all guests had a verdict" };
  const keyless = verdicts.values().find((verdict) => verdict.reachable === 'unknown');
  return keyless && { code: 'key_unreadable', message: keyless.cause };
}

function isUnreachable(entry: [string, Verdict]): entry is [string, Unreachable] {
  return entry[1].reachable === false;
}

function isReachable(verdict: Verdict): verdict is Reachable {
  return verdict.reachable === true;
}

function roundTrip({ roundTripMs }: Reachable): number {
  return roundTripMs;
}

function worstFirst(a: Unreachable, b: Unreachable): number {
  return SEVERITY.indexOf(a.reason) - SEVERITY.indexOf(b.reason) || waiting(b) - waiting(a);
}

function waiting(why: Unreachable): number {
  return ('queue' in why && why.queue?.messages) || 0;
}
