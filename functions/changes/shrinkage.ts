import type { SweepError, SweepResult, Tally } from '../sweep/sweep-result.ts';
import { formatTime } from '../time/format.ts';
import type { FleetState } from './fleet-state.ts';
import type { Thresholds } from './transition.ts';

/** `lost` of the guests that answered before have ceased to. */
export type Shrinkage = NonNullable<FleetState['shrunk']> & { readonly lost: number };

/** A fleet has shrunk when more than this share of the guests that answered cease to, but not for one guest or two. */
const SHARE = 1 / 5;
const MIN_LOST = 3;

/**
 * Since when the fleet is smaller; undefined once it is back, or has been smaller for so long that this is the fleet now.
 *
 * @param losses of the guests that had answered before: how many have a verdict, and how many of them did not answer
 */
export function shrunk(
  before: FleetState['shrunk'],
  { origin, isBrokerReachable, unreached, startedAt, endedAt }: SweepResult,
  { totals: { reachable } }: Tally,
  { expected, lost }: { readonly expected: number; readonly lost: number },
  { abandonedAfterMs }: Thresholds,
): FleetState['shrunk'] {
  if (origin.from === 'event' || !isBrokerReachable || unreached.size > 0) return before;
  if (before === undefined)
    return isShrunk(lost, expected, reachable)
      ? { since: startedAt.toISOString(), from: expected }
      : undefined;
  const isOver = !isShrunk(before.from - reachable, before.from, reachable);
  const isOld = endedAt.getTime() - Date.parse(before.since) >= abandonedAfterMs;
  return isOver || isOld ? undefined : before;
}

/** A fleet that falls to 0 has shrunk, however small it was. */
function isShrunk(lost: number, from: number, reachable: number): boolean {
  return (lost > 0 && reachable === 0) || (lost >= MIN_LOST && lost > SHARE * from);
}

export function shrinkageError(
  { from, since }: NonNullable<FleetState['shrunk']>,
  { totals: { reachable } }: Tally,
  now: Date,
): SweepError {
  const at = `${formatTime(since, now.getTime())} UTC`;
  return { code: 'fleet_shrank', message: `${from} guests answered before ${at}, now ${reachable} do` };
}
