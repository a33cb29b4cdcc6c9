import type { Origin, Summary } from '../sweep/summary.ts';
import type { Sweep, SweepEnd, Verdict } from '../sweep/sweep.ts';
import type { LastSweep } from './fleet-state.ts';

/** What a sweep has found, as far as it counts for the guests' stories. */
export interface Findings {
  readonly totals: LastSweep;
  /** Where the broker ended the sweep, or the guests could not be listed, they say nothing of any guest. */
  readonly isOfGuests: boolean;
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Whether a guest is bound; undefined: it is not known who is, since the sweep had no fresh and complete list. */
  readonly isBound: ((instanceId: string) => boolean) | undefined;
}

/** @param now when the sweep ended */
export function findingsOf(summary: Summary, sweep: Sweep, end: SweepEnd, now: Date): Findings {
  const { verdicts, unreached } = sweep;
  return {
    totals: {
      at: now.toISOString(),
      checked: summary.checked,
      reachable: summary.reachable,
      unreachable: summary.unreachable,
      unknown: summary.unknown,
      broker_reachable: summary.broker_reachable,
      duration_ms: summary.duration_ms,
      guests_from: summary.guests_from,
      ...(summary.error && { error: summary.error }),
    },
    isOfGuests: end.kind !== 'broker_failed' && summary.guests_from !== 'nowhere',
    verdicts,
    isBound: namesAllGuests(summary) ? (id) => verdicts.has(id) || unreached.has(id) : undefined,
  };
}

/** Queues that are listed because the bindings could not be may lack those whose broker node is down. */
function namesAllGuests({ guests_from: from, list_problem: problem }: Origin): boolean {
  return from === 'bindings' || (from === 'queues' && problem === undefined);
}
