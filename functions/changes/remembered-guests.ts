import { StateUnavailable } from '../store/state-store.ts';
import { forget } from './apply-sweep.ts';
import type { Saved } from './fleet-history.ts';
import type { FleetState } from './fleet-state.ts';

/** The guests of the fleet, looked up in the saved state: a set of 40,000 ids beside it takes megabytes. */
export class RememberedGuests {
  readonly #state: Pick<FleetState, 'guests' | 'answered'>;

  /** Forgotten guests of which nothing was saved. */
  readonly unseen: readonly string[];

  /** Milliseconds since they were saved. */
  readonly ageMs: number;

  /** @param forgotten guests that no longer exist, as an operator says */
  constructor(saved: Saved | StateUnavailable | undefined, forgotten: readonly string[]) {
    const state = saved instanceof StateUnavailable ? undefined : saved?.state;
    this.#state = state ? forget(state, forgotten) : { guests: {}, answered: {} };
    const { guests = {}, answered = {}, sweep } = state ?? {};
    this.ageMs = Math.max(0, Date.now() - Date.parse(sweep?.at ?? ''));
    const isSeen = (id: string) => id in guests || id in answered;
    this.unseen = saved instanceof StateUnavailable ? [] : forgotten.filter((id) => !isSeen(id));
  }

  *[Symbol.iterator](): Generator<string> {
    yield* Object.keys(this.#state.answered);
    yield* Object.keys(this.#state.guests);
  }

  /** Whether the guest answered when it was last pinged. */
  isAlive(id: string): boolean {
    return id in this.#state.answered;
  }

  /** Whether nobody consumed the guest's queue when it was last pinged. */
  hasNoConsumer(id: string): boolean {
    return !this.isAlive(id) && this.#state.guests[id]?.reason === 'no_consumer';
  }
}
