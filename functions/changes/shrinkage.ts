import type { SweepError, SweepResult } from '../sweep/sweep-result.ts';
import { formatTime } from '../time/format.ts';
import type { FleetState } from './fleet-state.ts';

/** So many of the guests that answered before have ceased to. */
export type Shrinkage = NonNullable<FleetState['shrunk']> & { readonly lost: number };

/** A fleet has shrunk when more than this share of the guests that answered ceases to. */
const SHARE = 1 / 5;

/** Of the guests that had answered before: how many have a verdict, and how many of them did not answer. */
export interface Losses {
  readonly expected: number;
  readonly lost: number;
}

/** Since when the fleet has shrunk, until it is back, or so long that this is the fleet now. */
export function shrunk(
  before: FleetState['shrunk'],
  { origin, isBrokerReachable, unreached, startedAt, endedAt }: SweepResult,
  reachable: number,
  { expected, lost }: Losses,
  abandonedAfterMs: number,
): FleetState['shrunk'] {
  if (origin.from === 'event' || !isBrokerReachable || unreached.size > 0) return before;
  if (before === undefined)
    return lost > SHARE * expected ? { since: startedAt.toISOString(), from: expected } : undefined;
  const isOver = reachable >= (1 - SHARE) * before.from;
  const isOld = endedAt.getTime() - Date.parse(before.since) >= abandonedAfterMs;
  return isOver || isOld ? undefined : before;
}

export function shrinkageError(
  { from, since }: NonNullable<FleetState['shrunk']>,
  reachable: number,
  now: Date,
): SweepError {
  const at = `${formatTime(since, now.getTime())} UTC`;
  return { code: 'fleet_shrank', message: `${from} guests answered before ${at}, now ${reachable} do` };
}
