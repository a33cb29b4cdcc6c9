import { formatTime } from '../time/format.ts';
import type { LastSweep } from './fleet-state.ts';

/** What most of the unreachable guests have in common, and most others do not. */
export type CommonCause = NonNullable<LastSweep['common_cause']>;

/** What many guests may have in common. */
const ATTRIBUTES = ['hypervisor', 'broker_node', 'datastore_version'] as const;
type Attribute = CommonCause['attribute'];

/** As far as it is known of a guest. */
export type Shared = { readonly [attribute in Attribute]?: string | undefined };

/** Two guests on one hypervisor are no pattern. */
const MIN_GUESTS = 3;

/** How many standard deviations above what the share of the fleet lets expect. */
const MIN_DEVIATIONS = 3;

/**
 * Finds what the unreachable guests have in common: at least three and at least half of them have it, and far more than
 * a sample of the whole fleet would.
 *
 * @param fleet all guests, the unreachable too
 */
export function commonCause(
  unreachable: readonly (Shared & { readonly since: string })[],
  fleet: Iterable<Shared>,
): CommonCause | undefined {
  const all = [...fleet];
  let best: { readonly cause: CommonCause; readonly deviations: number } | undefined;
  for (const attribute of ATTRIBUTES) {
    for (const [value, guests] of Map.groupBy(unreachable, (guest) => guest[attribute])) {
      if (value === undefined || guests.length < Math.max(MIN_GUESTS, unreachable.length / 2)) continue;
      const known = all.filter((guest) => guest[attribute] !== undefined);
      const share = known.filter((guest) => guest[attribute] === value).length / known.length;
      const expected = share * unreachable.length;
      const deviations = (guests.length - expected) / Math.sqrt(expected * (1 - share));
      if (!(deviations >= MIN_DEVIATIONS) || deviations <= (best?.deviations ?? 0)) continue;
      const since = guests.map((guest) => guest.since).sort()[Math.floor((guests.length - 1) / 2)] ?? '';
      const counts = { guests: guests.length, unreachable: unreachable.length };
      best = { cause: { attribute, value, ...counts, since }, deviations };
    }
  }
  return best?.cause;
}

const WORDS = { hypervisor: 'are on', broker_node: 'have their queue on', datastore_version: 'run' } as const;

/** Such as `12 of 13 unreachable guests are on compute-7, since 02:14 UTC`. */
export function causeSentence(
  { attribute, value, guests, unreachable, since }: CommonCause,
  nowMs: number,
): string {
  const whose = guests === unreachable ? `All ${guests}` : `${guests} of ${unreachable}`;
  return `${whose} unreachable guests ${WORDS[attribute]} ${value}, since ${formatTime(since, nowMs)} UTC`;
}
