import type { TroveSettings } from '../settings/trove-settings.ts';
import type { Deadline } from '../time/deadline.ts';
import { TroveUnavailable } from './json-request.ts';
import { instanceLister, type TroveList } from './trove-api.ts';

/** How long one list may take, in milliseconds. */
const MAX_LIST_MS = 60_000;

/**
 * Lists Trove's instances. An execution environment keeps the last list for the time that Trove fails.
 *
 * @returns a function that throws for nothing that Trove, Keystone or the credential do
 */
export function troveLister(
  settings: TroveSettings,
  listInstances = instanceLister(settings),
): (deadline: Deadline) => Promise<TroveList> {
  let last: Pick<TroveList, 'instances'> & { readonly atMs?: number } = { instances: new Map() };
  return async (deadline) => {
    try {
      const listed = await listInstances(deadline.within(MAX_LIST_MS));
      const instances = listed.isFresh ? listed.instances : new Map([...last.instances, ...listed.instances]);
      last = { instances, atMs: Date.now() };
      return { ...listed, instances };
    } catch (error) {
      if (!(error instanceof TroveUnavailable)) throw error;
      const { instances, atMs } = last;
      const age = atMs === undefined ? {} : { ageMs: Date.now() - atMs };
      return { instances, isFresh: false, problem: error.message, ...age };
    }
  };
}
