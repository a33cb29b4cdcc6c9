import { StateUnavailable } from '../store/state-store.ts';
import type { Saved } from './fleet-history.ts';

/** The guests of the fleet that the saved state knows. */
export interface RememberedGuests {
  readonly all: ReadonlySet<string>;
  /** Those that answered when they were last pinged. */
  readonly alive: ReadonlySet<string>;
  /** Those whose queue nobody consumed. */
  readonly withoutConsumer: ReadonlySet<string>;
}

/** @param forget guests that no longer exist, as an operator says */
export function rememberedGuests(
  saved: Saved | StateUnavailable | undefined,
  { forget }: { readonly forget: readonly string[] },
): RememberedGuests {
  const state = saved instanceof StateUnavailable ? undefined : saved?.state;
  const alive = new Set(state?.known);
  const withoutConsumer = new Set<string>();
  const silent: string[] = [];
  for (const [id, { sweeps, reason }] of Object.entries(state?.guests ?? {})) {
    if (sweeps > 0 && reason === 'no_consumer') withoutConsumer.add(id);
    if (sweeps === 0) alive.add(id);
    else silent.push(id);
  }
  for (const id of forget) alive.delete(id);
  const all = new Set(alive);
  for (const id of silent) all.add(id);
  for (const id of forget) all.delete(id);
  return { all, alive, withoutConsumer };
}
