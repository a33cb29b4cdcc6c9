import type { SweepResult } from '../sweep/sweep-result.ts';
import { descriptionOf } from './counted-apart.ts';
import type { Contradiction, FleetState } from './fleet-state.ts';
import type { Change } from './transition.ts';

/** Statuses in which Trove takes an instance for dead. */
const DEAD_STATUSES: ReadonlySet<string> = new Set(['ERROR', 'FAILED', 'UNKNOWN']);

/** Trove leaves a new instance out of a list now and then, so that only a second list says that it does not know one. */
const LISTS = 2;

/**
 * The guests that answer, though Trove takes them for dead or does not know them. The latter are reported, once.
 *
 * @param before as it was saved
 */
export function contradictions(
  before: FleetState['contradicted'],
  { trove, verdicts, endedAt }: SweepResult,
): { readonly contradicted: FleetState['contradicted']; readonly changes: readonly Change[] } {
  if (trove === undefined) return { contradicted: before, changes: [] };
  const now = endedAt.toISOString();
  const contradicted: Record<string, Contradiction> = {};
  const changes: Change[] = [];
  for (const [id, { reachable }] of verdicts) {
    const known = before?.[id];
    if (reachable === 'unknown' && known) contradicted[id] = known;
    if (reachable !== true) continue;
    const instance = trove.instances.get(id);
    if (instance === undefined) {
      const { lists = 0, since = now } = known?.trove_status === undefined ? (known ?? {}) : {};
      const seen = trove.isFresh ? Math.min(LISTS, lists + 1) : lists;
      if (seen > 0) contradicted[id] = { since, lists: seen };
      if (seen === LISTS && lists < LISTS)
        changes.push({ instance_id: id, change: 'unknown_to_trove', since });
    } else if (DEAD_STATUSES.has(instance.status)) {
      const { status: trove_status } = instance;
      const since = known?.trove_status === trove_status ? known.since : now;
      contradicted[id] = { since, lists: 0, trove_status, ...descriptionOf(instance) };
    }
  }
  return { contradicted: Object.keys(contradicted).length > 0 ? contradicted : undefined, changes };
}
