import { setTimeout } from 'node:timers/promises';
import type { Archive } from '../history/archive.ts';
import { StateConflict, type StateStore, StateUnavailable } from '../store/state-store.ts';
import { type SweepResult, tally } from '../sweep/sweep-result.ts';
import type { Deadline } from '../time/deadline.ts';
import { applySweep, forget, type Rules } from './apply-sweep.ts';
import { controlPlane } from './control-plane-history.ts';
import { type FleetState, MalformedState, parseFleetState } from './fleet-state.ts';
import type { StateProblem, SweepOutcome } from './report.ts';

/** What was saved, as it was read. */
export interface Saved {
  /** Undefined: the history begins here. */
  readonly state: FleetState | undefined;
  readonly version?: string;
  /** It is what this writer has tried to save: the write has succeeded, though its answer was lost. */
  readonly isOwn?: boolean;
  readonly problem?: StateProblem;
}

/** How often a writer tries to save its state while others save theirs, and how long it waits in between, in milliseconds. */
const ATTEMPTS = 5;
const BACKOFF_MS = 20;

/** The history's files are added to after so long, or when so many lines wait; of the time, a share may go by. */
const FILE_AFTER_MS = 3_600_000;
const FILE_AT_LINES = 500;
const FILE_SHARE = 0.5;

/** What is known of the fleet from sweep to sweep, saved in a store. */
export class FleetHistory {
  readonly #store: StateStore;
  readonly #rules: Rules;
  readonly #archive: Archive;

  constructor(store: StateStore, archive: Archive, rules: Rules) {
    this.#store = store;
    this.#archive = archive;
    this.#rules = rules;
  }

  /**
   * Reads what was saved.
   *
   * @param tried the text that this writer has tried to save
   * @returns the error where it cannot be read
   */
  async load(deadline: Deadline, tried?: string): Promise<Saved | StateUnavailable> {
    try {
      const stored = await this.#store.read(deadline);
      if (stored === undefined)
        return { state: undefined, problem: newHistory('state_missing', 'No saved state was found') };
      const { text, version } = stored;
      return { version, isOwn: text === tried, ...parsed(text) };
    } catch (error) {
      if (error instanceof StateUnavailable) return error;
      throw error;
    }
  }

  /**
   * Applies a sweep to the saved state. Never throws because of the store.
   *
   * @param loaded what was read before the sweep; read again where another sweep has saved its state since
   * @param forgotten guests that no longer exist, as an operator says
   */
  async add(
    result: SweepResult,
    deadline: Deadline,
    loaded?: Saved | StateUnavailable,
    forgotten: Iterable<string> = [],
  ): Promise<SweepOutcome> {
    let tried: SweepOutcome | undefined;
    const apply = async ({ state, problem }: Saved) => {
      const filed = await this.#file(state, result.endedAt, deadline);
      const applied = applySweep(filed.state && forget(filed.state, forgotten), result, this.#rules);
      tried = { ...applied, problem: filed.problem ?? problem };
      return applied.state;
    };
    try {
      const state = await this.#update(apply, deadline, loaded);
      return { ...(tried ?? unsaved(result)), state };
    } catch (error) {
      if (!(error instanceof StateUnavailable || error instanceof StateConflict)) throw error;
      if (!tried) return withProblem(unsaved(result), error, 'unreadable');
      const saved = await this.load(deadline, JSON.stringify(tried.state)); // the write's answer may have been lost
      if (saved instanceof StateUnavailable) return withProblem(tried, error, 'perhapsSaved');
      return saved.isOwn ? tried : withProblem(tried, error, 'notSaved');
    }
  }

  /**
   * Changes the saved state, beside any sweep.
   *
   * @returns the state as it is saved
   * @throws StateUnavailable, StateConflict, and what `change` throws
   */
  async edit(change: (state: FleetState) => FleetState, deadline: Deadline): Promise<FleetState> {
    return this.#update(async ({ state }) => {
      if (state === undefined) throw new StateUnavailable('No state is saved yet', 'run a sweep first');
      return change(state);
    }, deadline);
  }

  /** Replaces the saved state, and begins again where somebody else has replaced it meanwhile. */
  async #update(
    change: (saved: Saved) => Promise<FleetState>,
    deadline: Deadline,
    loaded?: Saved | StateUnavailable,
  ): Promise<FleetState> {
    let saved = !loaded || loaded instanceof StateUnavailable ? await this.load(deadline) : loaded;
    for (let attempt = 1; ; attempt++) {
      if (saved instanceof StateUnavailable) throw saved;
      const next = await change(saved);
      const text = JSON.stringify(next);
      try {
        await this.#store.replace(saved.version, text, deadline);
        return next;
      } catch (error) {
        if (!(error instanceof StateConflict) || attempt === ATTEMPTS) throw error;
      }
      await setTimeout(BACKOFF_MS * attempt * Math.random());
      saved = await this.load(deadline, text);
      if ('isOwn' in saved && saved.isOwn) return next;
    }
  }

  /** Moves the lines of the history from the state to their files, once an hour. Never throws because of the store. */
  async #file(
    state: FleetState | undefined,
    now: Date,
    deadline: Deadline,
  ): Promise<{ readonly state: FleetState | undefined; readonly problem?: StateProblem }> {
    const { unfiled = [] } = state ?? {};
    const ageMs = now.getTime() - Date.parse(unfiled[0]?.at ?? '');
    if (!state || !(ageMs >= FILE_AFTER_MS || unfiled.length >= FILE_AT_LINES)) return { state };
    try {
      await this.#archive.file(unfiled, deadline.share(FILE_SHARE));
      return { state: { ...state, unfiled: [] } };
    } catch (error) {
      if (!(error instanceof StateUnavailable || error instanceof StateConflict)) throw error;
      const message = `${error.message}. The newest changes wait in the state`;
      return { state, problem: { code: 'history_not_kept', message } };
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

/** What follows, where the state is not known to be saved. */
const THEN = {
  unreadable: 'Changes will be reported when the saved state can be read again',
  notSaved: 'The next sweep will report these changes again',
  perhapsSaved: 'Perhaps it was written all the same; if not, the next sweep will report these changes again',
} as const;

function withProblem(outcome: SweepOutcome, { message }: Error, then: keyof typeof THEN): SweepOutcome {
  const code = then === 'unreadable' ? 'state_unreadable' : 'state_not_kept';
  return { ...outcome, problem: { code, message: `${message}. ${THEN[then]}` } };
}

/** Where nothing is saved, or nothing can be read. */
export function unsaved(result: SweepResult): SweepOutcome {
  const topics = controlPlane(undefined, result);
  return { state: undefined, changes: [], tally: tally(result), controlPlane: topics, error: result.error };
}
