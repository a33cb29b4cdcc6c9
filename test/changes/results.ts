import type { Rules } from '../../functions/changes/apply-sweep.ts';
import type { Verdict } from '../../functions/sweep/sweep.ts';
import {
  type Origin,
  type SweepResult,
  type SweepRun,
  sweepResult,
} from '../../functions/sweep/sweep-result.ts';

export const RULES: Rules = {
  unreachableAfterSweeps: 2,
  reachableAfterSweeps: 1,
  abandonedAfterMs: 7 * 86_400_000,
  expectedSilenceMs: 3_600_000,
  remindAfterMs: 86_400_000,
};

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
  const endedAt = how.endedAt ?? new Date();
  return sweepResult(
    {
      verdicts: new Map(Object.entries(verdicts)),
      unreached: new Set(unreached),
      failedAt: () => endedAt.getTime(),
    },
    { end: { kind: 'complete' }, origin: BINDINGS, startedAt: endedAt, endedAt, durationMs: 1, ...how },
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
