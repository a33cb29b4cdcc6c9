import type { Origin, SweepResult } from '../sweep/sweep-result.ts';
import { type FleetState, fleetState, type LastSweep } from './fleet-state.ts';
import { type Change, remove, type Thresholds, type Transition, transition } from './transition.ts';

/**
 * The state after one more sweep, and what has changed. A guest without a verdict keeps its state; a sweep that the
 * broker ended, or that had no guests, changes no guest.
 *
 * @param before undefined: nothing was saved
 */
export function applySweep(
  before: FleetState | undefined,
  result: SweepResult,
  thresholds: Thresholds,
): { readonly state: FleetState; readonly changes: readonly Change[] } {
  const { origin, verdicts, unreached, isBrokerReachable } = result;
  const now = result.endedAt.toISOString();
  const guests = new Map(Object.entries(before?.guests ?? {}));
  const changes: Change[] = [];
  const apply = (id: string, { guest, change }: Transition) => {
    if (guest) guests.set(id, guest);
    else guests.delete(id);
    if (change) changes.push({ instance_id: id, ...change });
  };
  if (isBrokerReachable && origin.from !== 'nowhere') {
    for (const [id, verdict] of verdicts) {
      if (verdict.reachable === 'unknown') continue;
      apply(id, transition(guests.get(id), verdict.reachable ? undefined : verdict, now, thresholds));
    }
    const isBound = (id: string) => verdicts.has(id) || unreached.has(id);
    for (const [id, guest] of [...guests])
      if (listsAllGuests(origin) && !isBound(id)) apply(id, remove(guest));
  }
  return { state: fleetState(lastSweep(before, result), Object.fromEntries(guests)), changes };
}

/** The totals of a few named guests do not take the place of the fleet's. */
function lastSweep(before: FleetState | undefined, result: SweepResult): LastSweep {
  const { origin, endedAt, durationMs, totals, isBrokerReachable, error } = result;
  const isOfFleet = origin.from !== 'event';
  if (before !== undefined && !isOfFleet && before.sweep.guests_from !== 'event') return before.sweep;
  return {
    at: endedAt.toISOString(),
    ...totals,
    broker_reachable: isBrokerReachable,
    duration_ms: Math.round(durationMs),
    guests_from: origin.from,
    ...(error && { error }),
  };
}

/** Queues that are listed because the bindings could not be may lack those whose broker node is down. */
function listsAllGuests({ from, problem }: Origin): boolean {
  return from === 'bindings' || (from === 'queues' && problem === undefined);
}
