import { lasting } from './moment.ts';
import type { Counts, Overview } from './overview.ts';
import { grouped } from './squares.ts';

/** The one sentence that is read first, and how bad it is. */
export interface Headline {
  readonly tone: 'good' | 'warn' | 'bad' | 'stale';
  readonly text: string;
}

/**
 * After how many times the rate without a sweep the state is stale. A sweep may begin late within the scheduler's window
 * and take the rest of the rate, so that two sweeps end at most two rates apart.
 */
const STALE_RATES = 2;

/** How old the last sweep is where that is too old, in milliseconds. */
export function staleMs({ sweep }: Overview, nowMs: number, rateMs: number): number | undefined {
  const ageMs = nowMs - Date.parse(sweep.at);
  return ageMs > STALE_RATES * rateMs ? ageMs : undefined;
}

/** What is most wrong: no sweeps, then no broker, then the guests. */
export function headline({ sweep, counts }: Overview, staleFor: number | undefined): Headline {
  if (staleFor !== undefined)
    return { tone: 'stale', text: `No sweep for ${lasting(staleFor)}: this page is out of date` };
  if (!sweep.broker_reachable)
    return { tone: 'bad', text: `Guests cannot be pinged: ${sweep.error?.code ?? 'the broker fails'}` };
  if (counts.unreachable > 0)
    return { tone: 'bad', text: `${ofAll(counts, counts.unreachable)} unreachable` };
  if (counts.unknown > 0) return { tone: 'warn', text: `${ofAll(counts, counts.unknown)} without a verdict` };
  if (sweep.error !== undefined) return { tone: 'warn', text: 'The last sweep could not be completed' };
  if (counts.total === 0) return { tone: 'warn', text: 'The broker knows of no guests' };
  return {
    tone: 'good',
    text:
      counts.total === 1 ? 'The one guest is reachable' : `All ${grouped(counts.total)} guests are reachable`,
  };
}

function ofAll({ total }: Counts, count: number): string {
  return `${grouped(count)} of ${grouped(total)} ${total === 1 ? 'guest' : 'guests'} ${count === 1 ? 'is' : 'are'}`;
}
