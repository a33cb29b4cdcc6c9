import type { Summary } from '../sweep/summary.ts';
import { bySeverity, changesSentence } from './changes-sentence.ts';
import type { FleetState, StateProblem } from './fleet-state.ts';
import type { Change } from './guest-story.ts';

/** How many changes a summary has: it must fit into an event of EventBridge. */
const MAX_CHANGES = 100;

/** What is to be told after a sweep. */
export interface Story {
  readonly changes: readonly Change[];
  /** Undefined where what was kept cannot be read. */
  readonly state: FleetState | undefined;
  readonly problem?: StateProblem;
}

/** What a summary has besides, where something is kept from sweep to sweep. */
export interface Told {
  /** What has changed, worst first. */
  readonly changes: readonly Change[];
  readonly changes_omitted: number;
  /** The same as one sentence for people; missing where nothing has changed. */
  readonly changes_sentence?: string;
  /** What is amiss with what is kept. */
  readonly state_problem?: StateProblem;
}

/** A summary with what is to be told, and since when each guest is unreachable. */
export function toldSummary(summary: Summary, { changes, state, problem }: Story, now: Date): Summary & Told {
  const sentence = changesSentence(changes, now);
  return {
    ...summary,
    changes: bySeverity(changes).slice(0, MAX_CHANGES),
    changes_omitted: Math.max(0, changes.length - MAX_CHANGES),
    ...(sentence !== undefined && { changes_sentence: sentence }),
    ...(problem && { state_problem: problem }),
    unreachable_guests: summary.unreachable_guests.map((guest) => {
      const since = state?.guests[guest.instance_id]?.since;
      return since === undefined ? guest : { ...guest, since };
    }),
  };
}
