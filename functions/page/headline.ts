import { isStale, type LastSweep } from '../changes/fleet-state.ts';
import { cut } from '../excerpt.ts';
import { formatDuration } from '../time/format.ts';
import { formatCount, guestCount } from './html.ts';
import type { Counts, Overview } from './overview.ts';

/** The page's first sentence, and how bad it is. */
export interface Headline {
  readonly tone: 'good' | 'warn' | 'bad' | 'stale';
  readonly text: string;
}

/** Why nothing is known of the guests as they are now, if so. */
export function sweepTrouble(sweep: LastSweep, nowMs: number, rateMs: number): string | undefined {
  if (isStale(sweep, nowMs, rateMs))
    return `No sweep for ${formatDuration(nowMs - Date.parse(sweep.at))}: this page is out of date`;
  if (sweep.broker_reachable) return undefined;
  return `Guests cannot be pinged: ${cut(sweep.error?.code ?? 'the broker fails', 64)}`;
}

/** The worst that is known: no sweeps, then no broker, then the guests, then the control plane. */
export function headline({ sweep, counts, controlPlane }: Overview, nowMs: number, rateMs: number): Headline {
  const trouble = sweepTrouble(sweep, nowMs, rateMs);
  if (trouble) return { tone: isStale(sweep, nowMs, rateMs) ? 'stale' : 'bad', text: trouble };
  if (counts.unreachable > 0)
    return { tone: 'bad', text: `${ofAll(counts, counts.unreachable)} unreachable` };
  const down = controlPlane.find(({ reachable }) => reachable === false);
  if (down !== undefined) return { tone: 'bad', text: `Trove's ${cut(down.topic, 64)} is unreachable` };
  if (counts.unknown > 0) return { tone: 'warn', text: `${ofAll(counts, counts.unknown)} without a verdict` };
  if (sweep.error !== undefined) return { tone: 'warn', text: 'The last sweep could not be completed' };
  if (counts.total === 0) return { tone: 'warn', text: 'No guest is bound on the broker' };
  if (counts.apart > 0)
    return { tone: 'good', text: `${ofAll(counts, counts.apart)} silent, and counted apart` };
  return {
    tone: 'good',
    text: counts.total === 1 ? 'The one guest is reachable' : `All ${guestCount(counts.total)} are reachable`,
  };
}

function ofAll({ total }: Counts, count: number): string {
  return `${formatCount(count)} of ${guestCount(total)} ${count === 1 ? 'is' : 'are'}`;
}
