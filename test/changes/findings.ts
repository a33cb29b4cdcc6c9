import type { Findings } from '../../functions/changes/findings.ts';
import type { Verdict } from '../../functions/sweep/sweep.ts';

/** A fleet of two. */
export const GUESTS = [
  '00000000-0000-4000-8000-000000000001',
  '00000000-0000-4000-8000-000000000002',
] as const;

/** How many there have been; each ends a minute after the one before. */
let sweeps = 0;

/** What a sweep has found of {@link GUESTS}, in which these do not answer. */
export function findings(...silent: string[]): Findings {
  const why: Verdict = { reachable: false, reason: 'queue_missing', cause: 'no queue' };
  const verdicts = new Map<string, Verdict>(
    GUESTS.map((id) => [id, silent.includes(id) ? why : { reachable: true, roundTripMs: 1 }]),
  );
  return {
    totals: {
      at: new Date(sweeps++ * 60_000).toISOString(),
      checked: 2,
      reachable: 2 - silent.length,
      unreachable: silent.length,
      unknown: 0,
      broker_reachable: true,
      duration_ms: 1,
      guests_from: 'bindings',
    },
    isOfGuests: true,
    verdicts,
    isBound: (id) => verdicts.has(id),
  };
}
