import type { PingResult } from '../guest/ping-result.ts';
import type { Verdict } from '../sweep/sweep.ts';
import type { Findings } from './findings.ts';
import { type FleetState, fleetState, type GuestState, type LastSweep } from './fleet-state.ts';
import { type Change, farewell, type NextChapter, nextChapter, type Thresholds } from './guest-story.ts';

/**
 * What is kept after one more sweep, and what is to be told. A guest without a verdict keeps its state.
 *
 * @param before undefined: nothing was kept
 */
export function tellOn(
  before: FleetState | undefined,
  findings: Findings,
  thresholds: Thresholds,
): { readonly state: FleetState; readonly changes: readonly Change[] } {
  const sweep = lastSweep(before, findings.totals);
  const guests = new Map(Object.entries(before?.guests ?? {}));
  const changes: Change[] = [];
  const turnPage = (id: string, { guest, change }: NextChapter) => {
    if (guest) guests.set(id, guest);
    else guests.delete(id);
    if (change) changes.push({ instance_id: id, ...change });
  };
  if (!findings.isOfGuests) return { state: fleetState(sweep, Object.fromEntries(guests)), changes };
  for (const [id, verdict] of findings.verdicts) {
    if (!isPinged(verdict)) continue;
    const why = verdict.reachable ? undefined : verdict;
    turnPage(id, nextChapter(guests.get(id), why, findings.totals.at, thresholds));
  }
  const { isBound = () => true } = findings;
  const gone: [string, GuestState][] = [...guests].filter(([id]) => !isBound(id));
  for (const [id, guest] of gone) turnPage(id, farewell(guest));
  return { state: fleetState(sweep, Object.fromEntries(guests)), changes };
}

/** The totals of a few named guests do not take the place of the fleet's. */
function lastSweep(before: FleetState | undefined, totals: LastSweep): LastSweep {
  const isOfFleet = totals.guests_from !== 'event';
  return before === undefined || isOfFleet || before.sweep.guests_from === 'event' ? totals : before.sweep;
}

function isPinged(verdict: Verdict): verdict is PingResult {
  return verdict.reachable !== 'unknown';
}
