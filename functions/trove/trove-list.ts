import type { TroveSettings } from '../settings/trove-settings.ts';
import type { Deadline } from '../time/deadline.ts';
import { TroveUnavailable } from './errors.ts';
import { type Instances, TroveApi } from './trove-api.ts';

/** Trove's list, as far as it could be had. */
export interface TroveList {
  readonly instances: Instances;
  /** Whether the list is new and whole, so that an instance that is not in it does not exist. */
  readonly isFresh: boolean;
  /** Why the list is not fresh. */
  readonly problem?: string;
  /** Of a list that was kept from before. */
  readonly ageMs?: number;
}

/** How long one list may take, in milliseconds. */
const MAX_LIST_MS = 60_000;

/**
 * Lists Trove's instances. An execution environment keeps the last list for the time that Trove fails.
 *
 * @returns a function that throws for nothing that Trove, Keystone or the credential do
 */
export function troveLister(
  settings: TroveSettings,
  api = new TroveApi(settings),
): (deadline: Deadline) => Promise<TroveList> {
  let last: { readonly instances: Instances; readonly atMs: number } | undefined;
  return async (deadline) => {
    try {
      const { instances, problem } = await api.instances(deadline.within(MAX_LIST_MS));
      const known = problem === undefined ? instances : new Map([...(last?.instances ?? []), ...instances]);
      last = { instances: known, atMs: Date.now() };
      if (problem === undefined) return { instances, isFresh: true };
      return { instances: known, isFresh: false, problem };
    } catch (error) {
      if (!(error instanceof TroveUnavailable)) throw error;
      const { instances = new Map(), atMs } = last ?? {};
      const age = atMs === undefined ? {} : { ageMs: Date.now() - atMs };
      return { instances, isFresh: false, problem: error.message, ...age };
    }
  };
}
