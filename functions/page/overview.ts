import type {
  Contradiction,
  ControlPlaneTopic,
  FleetState,
  GuestState,
  LastSweep,
} from '../changes/fleet-state.ts';
import type { Reason } from '../guest/reason.ts';
import { APART, type Apart, SEVERITY } from '../sweep/sweep-result.ts';

export interface ShownGuest extends GuestState {
  readonly id: string;
}

/** How many topics of the control plane are shown. */
const MAX_TOPICS = 20;

/** The fleet as it was at the last sweep, each guest counted once. */
export interface Overview {
  readonly sweep: LastSweep;
  /** The guests that the last sweep with a verdict could not reach, by reason, worst reason first, newest guest first. */
  readonly unreachable: ReadonlyMap<Reason, readonly ShownGuest[]>;
  /** Reachable at the last sweep, but still reported as unreachable or flapping. */
  readonly recovering: readonly ShownGuest[];
  /** Silent, but not counted as unreachable. */
  readonly apart: ReadonlyMap<Apart, readonly ShownGuest[]>;
  readonly counts: Counts;
  readonly controlPlane: readonly ControlPlaneTopic[];
  /** Guests that answer, though Trove says otherwise. */
  readonly contradicted: readonly (Contradiction & { readonly id: string })[];
}

/** How many guests there are of each kind; `total` is their sum. */
export interface Counts {
  readonly unreachable: number;
  readonly recovering: number;
  /** Silent, but not counted as unreachable; without the orphaned queues, which have no guest. */
  readonly apart: number;
  /** Without a verdict at the last sweep, and not unreachable before. */
  readonly unknown: number;
  readonly reachable: number;
  readonly total: number;
}

export function overviewOf(state: FleetState): Overview {
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
    unreachable: new Map([...byReason].sort(([a], [b]) => SEVERITY.indexOf(a) - SEVERITY.indexOf(b))),
    recovering,
    controlPlane: controlPlane.slice(0, MAX_TOPICS),
    contradicted: Object.entries(contradicted).map(([id, guest]) => ({ id, ...guest })),
    apart: new Map(APART.map((why) => [why, apart.get(why) ?? []])),
    counts: count(sweep, down.length, recovering.length, silent.length),
  };
}

function newestFirst(a: ShownGuest, b: ShownGuest): number {
  return b.since.localeCompare(a.since) || a.id.localeCompare(b.id);
}

/** A sweep without a verdict on a guest leaves the guest as unreachable as before, so that its totals are not enough. */
function count(sweep: LastSweep, unreachable: number, recovering: number, apart: number): Counts {
  const guests = sweep.checked + sweep.unknown - (sweep.orphaned ?? 0);
  const total = Math.max(guests, unreachable + recovering + apart);
  const others = total - unreachable - recovering - apart;
  const reachable = Math.min(Math.max(0, sweep.reachable - recovering), others);
  return { unreachable, recovering, apart, unknown: others - reachable, reachable, total };
}
