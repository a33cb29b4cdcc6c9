import { StateUnavailable } from '../store/state-store.ts';
import type { Saved } from './fleet-history.ts';
import { reachableGuests } from './fleet-state.ts';

/** The guests of the fleet that the saved state knows. */
export interface RememberedGuests {
  readonly all: ReadonlySet<string>;
  /** Those that did not answer when they were last pinged. */
  readonly silent: ReadonlySet<string>;
  /** Those whose queue nobody consumed. */
  readonly withoutConsumer: ReadonlySet<string>;
}

/** @param forget guests that no longer exist, as an operator says */
export function rememberedGuests(
  saved: Saved | StateUnavailable | undefined,
  { forget }: { readonly forget: readonly string[] },
): RememberedGuests {
  const state = saved instanceof StateUnavailable ? undefined : saved?.state;
  const all = new Set(state && reachableGuests(state));
  const silent = new Set<string>();
  const withoutConsumer = new Set<string>();
  for (const [id, { sweeps, reason }] of Object.entries(state?.guests ?? {})) {
    all.add(id);
    if (sweeps > 0) silent.add(id);
    if (sweeps > 0 && reason === 'no_consumer') withoutConsumer.add(id);
  }
  for (const id of forget) all.delete(id);
  return { all, silent, withoutConsumer };
}
