import { applySweep } from '../../functions/changes/apply-sweep.ts';
import { type FleetState, parseFleetState } from '../../functions/changes/fleet-state.ts';
import type { Change, Thresholds } from '../../functions/changes/transition.ts';
import type { Reason } from '../../functions/guest/reason.ts';
import type { Verdict } from '../../functions/sweep/sweep.ts';
import type { Origin } from '../../functions/sweep/sweep-result.ts';
import { BINDINGS, resultOf } from './results.ts';

/**
 * How a sweep ended for a guest: it answered, or is unreachable by a reason (of which there are three here); has no
 * verdict; or is no longer bound.
 */
export type Fate = 'up' | 'no_consumer' | 'no_reply' | 'guest_error' | 'unknown' | 'unbound';

/** What happened in a sweep: a fate for each guest, or the broker failed. `named`: the event named these guests. */
export interface Happening {
  readonly fates: Readonly<Record<string, Fate>>;
  readonly ended?: 'by the broker' | 'without guests';
  readonly from?: 'event' | 'last_list';
}

export const PATIENT: Thresholds = { unreachableAfterSweeps: 2, reachableAfterSweeps: 1 };

/** When a sweep ended: one a minute. */
export function minute(index: number): string {
  return new Date(Date.UTC(2026, 10, 24, 14, index)).toISOString();
}

/** Sweeps one after the other, with a state that is kept as JSON in between. */
export class SweepsInARow {
  state: FleetState | undefined;
  /** The changes that each sweep has reported. */
  readonly reported: (readonly Change[])[] = [];
  readonly #thresholds: Thresholds;

  constructor(thresholds: Thresholds) {
    this.#thresholds = thresholds;
  }

  sweep(happening: Happening): readonly Change[] {
    const { fates, ended } = happening;
    const bound = Object.entries(fates).filter(([, fate]) => fate !== 'unbound');
    const verdicts = Object.fromEntries(bound.map(([id, fate]) => [id, verdictOf(fate)]));
    const before = this.state && parseFleetState(JSON.stringify(this.state));
    const result = resultOf(verdicts, {
      origin: originOf(happening),
      endedAt: new Date(minute(this.reported.length)),
      end: ended === 'by the broker' ? { kind: 'broker_failed', failure: BLOCKED } : { kind: 'complete' },
    });
    const { state, changes } = applySweep(before, result, this.#thresholds);
    this.state = state;
    this.reported.push(changes);
    return changes;
  }
}

/** The changes that are reported of one guest with these fates, each as a word, with the reason where it has one. */
export function changesOf(fates: readonly Fate[], thresholds = PATIENT): string[] {
  const sweeps = new SweepsInARow(thresholds);
  return fates.flatMap((fate) => sweeps.sweep({ fates: { [GUEST]: fate } }).map(inWords));
}

export const GUEST = '00000000-0000-4000-8000-000000000001';

export function inWords({ change, reason }: Change): string {
  return reason === undefined ? change : `${change} ${reason}`;
}

const BLOCKED = { reachable: false, reason: 'broker_blocked', cause: 'memory alarm' } as const;

function originOf({ ended, from }: Happening): Origin {
  if (ended === 'without guests') return { from: 'nowhere' };
  if (from === undefined) return BINDINGS;
  return from === 'last_list' ? { from, problem: 'refused', ageMs: 1000 } : { from };
}

function verdictOf(fate: Fate): Verdict {
  if (fate === 'up') return { reachable: true, roundTripMs: 1 };
  if (fate === 'unknown' || fate === 'unbound') return { reachable: 'unknown', cause: 'no key' };
  return unreachableBy(fate);
}

function unreachableBy(reason: Extract<Reason, Fate>): Verdict {
  if (reason === 'guest_error')
    return { reachable: false, reason, cause: 'boom', roundTripMs: 1, traceback: '' };
  return { reachable: false, reason, cause: 'silence', queue: { consumers: 0, messages: 1 } };
}
