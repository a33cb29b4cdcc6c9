import type { FleetState, GuestState, LastSweep } from '../changes/fleet-state.ts';
import { APART, SEVERITY } from '../sweep/sweep-result.ts';

export interface ShownGuest extends GuestState {
  readonly id: string;
}

/** How many topics of the control plane are shown. */
const MAX_TOPICS = 20;

export type Overview = ReturnType<typeof overviewOf>;
export type Counts = Readonly<ReturnType<typeof count>>;

/** The fleet as it was at the last sweep, each guest counted once. */
export function overviewOf(state: FleetState) {
  const { sweep, guests, control_plane: controlPlane = [], contradicted = {} } = state;
  const all = Object.entries(guests)
    .map(([id, guest]) => ({ id, ...guest }))
    .sort(newestFirst);
  const apart = Map.groupBy(all, ({ counted_apart: why }) => why);
  const down = all.filter(({ sweeps, counted_apart: why }) => sweeps > 0 && why === undefined);
  const recovering = all.filter(({ sweeps, reported }) => sweeps === 0 && reported !== 'nothing');
  const silent = all.filter(({ counted_apart: why }) => why && why !== 'orphaned');
  const byReason = Map.groupBy(down, ({ reason }) => reason);
  return {
    sweep,
    /** The guests that the last sweep with a verdict could not reach, by reason, worst reason first, newest guest first. */
    unreachable: new Map([...byReason].sort(([a], [b]) => SEVERITY.indexOf(a) - SEVERITY.indexOf(b))),
    /** Reachable at the last sweep, but still reported as unreachable or flapping. */
    recovering,
    controlPlane: controlPlane.slice(0, MAX_TOPICS),
    /** Guests that answer, though Trove says otherwise. */
    contradicted: Object.entries(contradicted).map(([id, guest]) => ({ id, ...guest })),
    /** Silent, but not counted as unreachable. */
    apart: new Map(APART.map((why) => [why, apart.get(why) ?? []])),
    counts: count(sweep, down.length, recovering.length, silent.length),
  };
}

function newestFirst(a: ShownGuest, b: ShownGuest): number {
  return b.since.localeCompare(a.since) || a.id.localeCompare(b.id);
}

/**
 * How many guests there are of each kind; `total` is their sum. A sweep without a verdict on a guest leaves the guest as
 * unreachable as before, so that the sweep's totals are not enough.
 *
 * @param apart silent, but not counted as unreachable; without the orphaned queues, which have no guest
 */
function count(sweep: LastSweep, unreachable: number, recovering: number, apart: number) {
  const guests = sweep.checked + sweep.unknown - (sweep.orphaned ?? 0);
  const total = Math.max(guests, unreachable + recovering + apart);
  const others = total - unreachable - recovering - apart;
  const reachable = Math.min(Math.max(0, sweep.reachable - recovering), others);
  const unknown = others - reachable; // without a verdict at the last sweep, and not unreachable before
  return { unreachable, recovering, apart, unknown, reachable, total };
}
