import { MAX_IN_SUMMARY, type Summary } from '../sweep/summary.ts';
import type { Applied } from './apply-sweep.ts';
import type { ControlPlaneTopic, FleetState, GuestState } from './fleet-state.ts';
import { bySeverity, notice } from './notice.ts';
import type { Reminder } from './reminder.ts';
import type { Change } from './transition.ts';

/** How many changes a summary lists: it must fit into an event of EventBridge. */
const MAX_CHANGES = 100;

/**
 * What is wrong with the saved state; the sweep itself is not affected.
 *
 * - `state_missing`: nothing was saved, so the history begins here.
 * - `state_malformed`: what was saved is damaged, so the history begins here.
 * - `state_unreadable`: no changes can be reported; they are once the state can be read.
 * - `history_not_kept`: what is older than an hour could not be added to the history's files; the next sweep tries again.
 * - `state_not_kept`: what is reported now is, or may be, reported again by the next sweep.
 */
export interface StateProblem {
  readonly code:
    | 'state_missing'
    | 'state_malformed'
    | 'state_unreadable'
    | 'history_not_kept'
    | 'state_not_kept';
  readonly message: string;
}

/** What a sweep has changed in the history. */
export interface SweepOutcome extends Omit<Applied, 'state'> {
  /** Undefined where the saved state cannot be read. */
  readonly state: FleetState | undefined;
  readonly problem?: StateProblem | undefined;
}

/** What a summary has besides, where a state is saved from sweep to sweep. */
export interface Report {
  /** What has changed, worst first. */
  readonly changes: readonly Change[];
  readonly changes_omitted: number;
  /** The same as one sentence for people; missing where nothing has changed. */
  readonly changes_sentence?: string | undefined;
  readonly state_problem?: StateProblem | undefined;
  /** What is still unreachable, once a day. */
  readonly reminder?: Reminder | undefined;
  /** The control plane's own topics; missing where they were not pinged. */
  readonly control_plane?: readonly ControlPlaneTopic[] | undefined;
  /** Since when the fleet has shrunk, and how many guests had answered before. */
  readonly shrunk?: FleetState['shrunk'];
  /** Guests that answer, though Trove says otherwise; missing where there are none. */
  readonly contradicted?: readonly ContradictedGuest[] | undefined;
}

/** A guest that answers, though Trove takes it for dead, or (null) does not list it. */
export interface ContradictedGuest {
  readonly instance_id: string;
  readonly trove_status: string | null;
  readonly name?: string | undefined;
}

/** A summary, with its report where there is one. */
export type ReportedSummary = Summary & Partial<Report>;

/** The summary with what has changed, and since when each guest is unreachable. */
export function withReport(summary: Summary, outcome: SweepOutcome, now: Date): ReportedSummary {
  const { changes, state, problem, reminder } = outcome;
  const contradicted = state?.contradicted && Object.entries(state.contradicted).slice(0, MAX_IN_SUMMARY);
  return {
    ...summary,
    changes: bySeverity(changes).slice(0, MAX_CHANGES),
    changes_omitted: Math.max(0, changes.length - MAX_CHANGES),
    changes_sentence: notice(outcome, now),
    reminder,
    state_problem: problem,
    shrunk: state?.shrunk,
    contradicted: contradicted?.map(([instance_id, { trove_status = null, name }]) => ({
      instance_id,
      trove_status,
      name,
    })),
    unreachable_guests: summary.unreachable_guests.map((guest) => ({
      ...guest,
      ...context(state?.guests[guest.instance_id]),
    })),
  };
}

/** What is saved of a guest, and stands in the summary. */
function context(guest: Partial<GuestState> = {}) {
  const { since, name, project_id, hypervisor, trove_status } = guest;
  return { since, name, project_id, hypervisor, trove_status };
}
