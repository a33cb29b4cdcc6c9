import { StateConflict, StateUnavailable } from '../store/errors.ts';
import type { StateStore } from '../store/state-store.ts';
import type { SweepResult } from '../sweep/sweep-result.ts';
import type { Deadline } from '../time/deadline.ts';
import { applySweep } from './apply-sweep.ts';
import { type FleetState, MalformedState, parseFleetState } from './fleet-state.ts';
import type { StateProblem, SweepOutcome } from './report.ts';
import type { Thresholds } from './transition.ts';

/** What was saved, as it was read. */
interface Saved {
  /** Undefined: the history begins here. */
  readonly state: FleetState | undefined;
  readonly text?: string;
  readonly version?: string;
  readonly problem?: StateProblem;
}

/** How often a sweep tries to save its state while others save theirs. */
const ATTEMPTS = 2;

/** What is known of the fleet from sweep to sweep, saved in a store. */
export class FleetHistory {
  readonly #store: StateStore;
  readonly #thresholds: Thresholds;

  constructor(store: StateStore, thresholds: Thresholds) {
    this.#store = store;
    this.#thresholds = thresholds;
  }

  /** Applies a sweep to the saved state. Never throws because of the store. */
  async add(result: SweepResult, deadline: Deadline): Promise<SweepOutcome> {
    let tried: { readonly text: string; readonly outcome: SweepOutcome } | undefined;
    for (let attempt = 1; ; attempt++) {
      const saved = await this.#read(deadline);
      if (saved instanceof StateUnavailable)
        return tried ? notSaved(tried.outcome, saved) : unreadable(saved);
      // A write whose answer was lost may have succeeded, and its repetition then conflicts with it.
      if (tried !== undefined && saved.text === tried.text) return tried.outcome;
      const applied = applySweep(saved.state, result, this.#thresholds);
      const outcome = { ...applied, ...(saved.problem && { problem: saved.problem }) };
      tried = { text: JSON.stringify(applied.state), outcome };
      try {
        await this.#store.replace(saved.version, tried.text, deadline);
        return outcome;
      } catch (error) {
        if (!(error instanceof StateConflict || error instanceof StateUnavailable)) throw error;
        if (error instanceof StateUnavailable || attempt === ATTEMPTS) return notSaved(outcome, error);
      }
    }
  }

  async #read(deadline: Deadline): Promise<Saved | StateUnavailable> {
    try {
      const stored = await this.#store.read(deadline);
      if (stored === undefined)
        return { state: undefined, problem: newHistory('state_missing', 'No saved state was found') };
      return { ...stored, ...parsed(stored.text) };
    } catch (error) {
      if (error instanceof StateUnavailable) return error;
      throw error;
    }
  }
}

function parsed(text: string): Pick<Saved, 'state' | 'problem'> {
  try {
    return { state: parseFleetState(text) };
  } catch (error) {
    if (!(error instanceof MalformedState)) throw error;
    return { state: undefined, problem: newHistory('state_malformed', error.message) };
  }
}

function newHistory(code: StateProblem['code'], why: string): StateProblem {
  return { code, message: `${why}. Every unreachable guest will be reported again` };
}

function unreadable({ message }: StateUnavailable): SweepOutcome {
  const then = 'Changes will be reported when the saved state can be read again';
  return {
    state: undefined,
    changes: [],
    problem: { code: 'state_unreadable', message: `${message}. ${then}` },
  };
}

function notSaved(outcome: SweepOutcome, { message }: Error): SweepOutcome {
  const then = 'The next sweep will report these changes again';
  return { ...outcome, problem: { code: 'state_not_kept', message: `${message}. ${then}` } };
}
