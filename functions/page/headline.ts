import { STALE_AFTER_RATES } from '../changes/fleet-state.ts';
import { cut } from '../excerpt.ts';
import { formatDuration } from '../time/format.ts';
import { formatCount, guestCount } from './html.ts';
import type { Counts, Overview } from './overview.ts';

/** The page's first sentence, and how bad it is. */
export interface Headline {
  readonly tone: 'good' | 'warn' | 'bad' | 'stale';
  readonly text: string;
}

/** The age of a last sweep that is too old, in milliseconds; undefined: it is recent. */
export function staleMs({ sweep }: Overview, nowMs: number, rateMs: number): number | undefined {
  const ageMs = nowMs - Date.parse(sweep.at);
  return ageMs > STALE_AFTER_RATES * rateMs ? ageMs : undefined;
}

/** The worst that is known: no sweeps, then no broker, then the guests, then the control plane. */
export function headline({ sweep, counts, controlPlane }: Overview, staleFor: number | undefined): Headline {
  if (staleFor !== undefined)
    return { tone: 'stale', text: `No sweep for ${formatDuration(staleFor)}: this page is out of date` };
  if (!sweep.broker_reachable)
    return { tone: 'bad', text: `Guests cannot be pinged: ${sweep.error?.code ?? 'the broker fails'}` };
  if (counts.unreachable > 0)
    return { tone: 'bad', text: `${ofAll(counts, counts.unreachable)} unreachable` };
  const down = controlPlane.find(({ reachable }) => reachable === false);
  if (down !== undefined) return { tone: 'bad', text: `Trove's ${cut(down.topic, 64)} is unreachable` };
  if (counts.unknown > 0) return { tone: 'warn', text: `${ofAll(counts, counts.unknown)} without a verdict` };
  if (sweep.error !== undefined) return { tone: 'warn', text: 'The last sweep could not be completed' };
  if (counts.total === 0) return { tone: 'warn', text: 'No guest is bound on the broker' };
  return {
    tone: 'good',
    text: counts.total === 1 ? 'The one guest is reachable' : `All ${guestCount(counts.total)} are reachable`,
  };
}

function ofAll({ total }: Counts, count: number): string {
  return `${formatCount(count)} of ${guestCount(total)} ${count === 1 ? 'is' : 'are'}`;
}
