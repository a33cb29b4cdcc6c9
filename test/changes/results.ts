import type { Verdict } from '../../functions/sweep/sweep.ts';
import {
  type Origin,
  type SweepResult,
  type SweepRun,
  sweepResult,
} from '../../functions/sweep/sweep-result.ts';

/** A fleet of two. */
export const GUESTS = [
  '00000000-0000-4000-8000-000000000001',
  '00000000-0000-4000-8000-000000000002',
] as const;

export const BINDINGS: Origin = { from: 'bindings' };

/** How many sweeps of {@link GUESTS} there were; each ends a minute after the one before. */
let sweeps = 0;

/** A complete sweep of the guests with these verdicts. */
export function resultOf(
  verdicts: Readonly<Record<string, Verdict>>,
  run: Partial<SweepRun> & { readonly unreached?: readonly string[] } = {},
): SweepResult {
  const { unreached = [], ...how } = run;
  return sweepResult(
    { verdicts: new Map(Object.entries(verdicts)), unreached: new Set(unreached) },
    { end: { kind: 'complete' }, origin: BINDINGS, endedAt: new Date(), durationMs: 1, ...how },
  );
}

/** The result of a sweep of {@link GUESTS} in which these do not answer. */
export function silentResult(...silent: string[]): SweepResult {
  const verdictOf = (id: string): Verdict =>
    silent.includes(id)
      ? { reachable: false, reason: 'queue_missing', cause: 'no queue' }
      : { reachable: true, roundTripMs: 1 };
  const verdicts = Object.fromEntries(GUESTS.map((id) => [id, verdictOf(id)]));
  return resultOf(verdicts, { endedAt: new Date(sweeps++ * 60_000) });
}
