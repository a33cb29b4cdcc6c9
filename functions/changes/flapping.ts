import type { GuestState } from './fleet-state.ts';

/** A guest that has changed so often, with no steady time in between, is flapping. */
const FLAPPING_AFTER_FLIPS = 5;

/** A guest that at least so many sweeps in a row have found alike is steady. */
export const STEADY_AFTER_SWEEPS = 6;

type Flips = Pick<GuestState, 'flips' | 'flips_since'>;

export function isFlapping({ flips }: Flips): boolean {
  return flips >= FLAPPING_AFTER_FLIPS;
}

/** @param isSame whether the guest has answered, or not, as in the sweep before; another reason is no flip */
export function flipped({ flips, flips_since: since }: Flips, isSame: boolean, at: string): Flips {
  if (isSame) return { flips, flips_since: since };
  return { flips: flips + 1, flips_since: flips > 0 ? since : at };
}
