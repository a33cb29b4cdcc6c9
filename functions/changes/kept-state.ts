import { StateConflict, StateUnavailable } from '../store/errors.ts';
import type { StateStore } from '../store/state-store.ts';
import type { Deadline } from '../time/deadline.ts';
import type { Findings } from './findings.ts';
import { type FleetState, MalformedState, parseFleetState, type StateProblem } from './fleet-state.ts';
import { tellOn } from './fleet-story.ts';
import type { Thresholds } from './guest-story.ts';
import type { Story } from './told-summary.ts';

/** What is kept, as it was read. */
interface Before {
  /** Undefined: the health check begins anew. */
  readonly state: FleetState | undefined;
  readonly text: string | undefined;
  readonly version: string | undefined;
  readonly problem?: StateProblem;
}

/** How often a sweep is added to what is kept, when another one always comes first. */
const ATTEMPTS = 2;

/** What the health check keeps from sweep to sweep. */
export class KeptState {
  readonly #store: StateStore;
  readonly #thresholds: Thresholds;

  constructor(store: StateStore, thresholds: Thresholds) {
    this.#store = store;
    this.#thresholds = thresholds;
  }

  /** Adds a sweep to what is kept, and says what has changed by that. Never throws for what is kept. */
  async add(findings: Findings, deadline: Deadline): Promise<Story> {
    let written: { readonly text: string; readonly story: Story } | undefined;
    for (let attempt = 1; ; attempt++) {
      const before = await this.#read(deadline);
      if (before instanceof StateUnavailable)
        return written ? unkept(written.story, before) : unreadable(before);
      // A write whose answer was lost may have come through, and then conflicts with its own repetition.
      if (written !== undefined && before.text === written.text) return written.story;
      const { state, changes } = tellOn(before.state, findings, this.#thresholds);
      const story = { state, changes, ...(before.problem && { problem: before.problem }) };
      written = { text: JSON.stringify(state), story };
      try {
        await this.#store.replace(before.version, written.text, deadline);
        return story;
      } catch (error) {
        if (!(error instanceof StateConflict || error instanceof StateUnavailable)) throw error;
        if (error instanceof StateUnavailable || attempt === ATTEMPTS) return unkept(story, error);
      }
    }
  }

  async #read(deadline: Deadline): Promise<Before | StateUnavailable> {
    try {
      const kept = await this.#store.read(deadline);
      if (kept === undefined)
        return {
          state: undefined,
          text: undefined,
          version: undefined,
          problem: anew('state_missing', 'Nothing was kept'),
        };
      try {
        return { ...kept, state: parseFleetState(kept.text) };
      } catch (error) {
        if (!(error instanceof MalformedState)) throw error;
        return { ...kept, state: undefined, problem: anew('state_malformed', error.message) };
      }
    } catch (error) {
      if (error instanceof StateUnavailable) return error;
      throw error;
    }
  }
}

function anew(code: StateProblem['code'], why: string): StateProblem {
  return { code, message: `${why}: the guests’ stories begin anew` };
}

function unreadable({ message }: StateUnavailable): Story {
  const what = 'what has changed is told when the state can be read again';
  return {
    state: undefined,
    changes: [],
    problem: { code: 'state_unreadable', message: `${message}: ${what}` },
  };
}

function unkept(story: Story, { message }: Error): Story {
  const what = 'what has changed is told again with the next sweep';
  return { ...story, problem: { code: 'state_not_kept', message: `${message}: ${what}` } };
}
