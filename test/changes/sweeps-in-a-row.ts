import { applySweep, type Rules } from '../../functions/changes/apply-sweep.ts';
import { type FleetState, parseFleetState } from '../../functions/changes/fleet-state.ts';
import type { Change } from '../../functions/changes/transition.ts';
import type { Reason } from '../../functions/guest/reason.ts';
import type { Verdict } from '../../functions/sweep/sweep.ts';
import type { Origin, SweepRun } from '../../functions/sweep/sweep-result.ts';
import { BINDINGS, RULES, resultOf } from './results.ts';

/**
 * How a sweep ended for a guest: it answered, or is unreachable by a reason (of which there are three here); has no
 * verdict; or Trove has deleted it.
 */
export type Fate = 'up' | 'no_consumer' | 'no_reply' | 'guest_error' | 'unknown' | 'deleted';

/** What happened in a sweep: a fate for each guest, or the broker failed. `named`: the event named these guests. */
export interface Happening {
  readonly fates: Readonly<Record<string, Fate>>;
  readonly ended?: 'by the broker' | 'without guests';
  readonly from?: 'event' | 'last_list';
}

export const PATIENT = RULES;

/** When a sweep ended: one a minute. */
export function minute(index: number): string {
  return new Date(Date.UTC(2026, 10, 24, 14, index)).toISOString();
}

/** Sweeps one after the other, with a state that is kept as JSON in between. */
export class SweepsInARow {
  state: FleetState | undefined;
  /** The changes that each sweep has reported. */
  readonly reported: (readonly Change[])[] = [];
  readonly #rules: Rules;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  sweep(happening: Happening): readonly Change[] {
    const { fates, ended } = happening;
    const verdicts = Object.fromEntries(Object.entries(fates).map(([id, fate]) => [id, verdictOf(fate)]));
    const before = this.state && parseFleetState(JSON.stringify(this.state));
    const result = resultOf(verdicts, {
      origin: originOf(happening),
      ...troveOf(fates),
      endedAt: new Date(minute(this.reported.length)),
      end: ended === 'by the broker' ? { kind: 'broker_failed', failure: BLOCKED } : { kind: 'complete' },
    });
    const applied = applySweep(before, result, this.#rules);
    const isDeleting = Object.values(fates).includes('deleted'); // which only a second list confirms
    const { state, changes } = isDeleting ? applySweep(applied.state, result, this.#rules) : applied;
    const all = isDeleting ? [...applied.changes, ...changes] : changes;
    this.state = state;
    this.reported.push(all);
    return all;
  }
}

/** The changes that are reported of one guest with these fates, each as a word, with the reason where it has one. */
export function changesOf(fates: readonly Fate[], rules = PATIENT): string[] {
  const sweeps = new SweepsInARow(rules);
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

/** Trove is asked where it has deleted somebody. */
function troveOf(fates: Happening['fates']): Pick<SweepRun, 'trove' | 'bound'> {
  const ids = Object.keys(fates).filter((id) => fates[id] !== 'deleted');
  if (ids.length === Object.keys(fates).length) return {};
  const instances = new Map(ids.map((id) => [id, { id, name: 'db', projectId: 'p', status: 'ACTIVE' }]));
  return { trove: { instances, isFresh: true }, bound: new Set(ids) };
}

function verdictOf(fate: Fate): Verdict {
  if (fate === 'up') return { reachable: true, roundTripMs: 1 };
  if (fate === 'unknown') return { reachable: 'unknown', cause: 'no key' };
  if (fate === 'deleted') return { reachable: false, reason: 'queue_missing', cause: 'no queue' };
  return unreachableBy(fate);
}

function unreachableBy(reason: Extract<Reason, Fate>): Verdict {
  if (reason === 'guest_error')
    return { reachable: false, reason, cause: 'boom', roundTripMs: 1, traceback: '' };
  return { reachable: false, reason, cause: 'silence', queue: { consumers: 0, messages: 1 } };
}
