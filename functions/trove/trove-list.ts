import type { TroveSettings } from '../settings/trove-settings.ts';
import type { Deadline } from '../time/deadline.ts';
import { tokenIssuer } from './application-credential.ts';
import { parseInstance, type TroveInstance } from './instance.ts';
import { requestJson, TroveUnavailable } from './json-request.ts';

/** Trove's list, as far as it could be had. */
export interface TroveList {
  readonly instances: ReadonlyMap<string, TroveInstance>;
  /** Whether the list is new and whole, so that an instance that is not in it does not exist. */
  readonly isFresh: boolean;
  /** Why the list is not fresh. */
  readonly problem?: string;
  /** Of a list that was kept from before. */
  readonly ageMs?: number;
}

/** Instances of a page. Trove names them all in one URL to Nova, whose limit is mostly 8 kB. */
const PAGE_SIZE = 100;

/** How often a list of several pages is read at most until two readings agree. */
const MAX_READINGS = 4;

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

/**
 * Lists all instances that are not deleted, as an application credential with the role `admin` may.
 *
 * A single page is whole, since Trove reads it by one query; before 2026.2 there are no others. Pages are offsets in the
 * order of the last update, so that an instance that changes meanwhile is skipped or doubled. They are read until two
 * readings, whose pages begin elsewhere, name the same instances. If they never do, the union of all is not whole. Nor is
 * a list with entries that name no instance, which are left out.
 *
 * @returns a function that throws TroveUnavailable
 */
export function instanceLister(settings: TroveSettings, pageSize = PAGE_SIZE) {
  const pages = pageReader(settings);
  return async (deadline: Deadline): Promise<TroveList> => {
    const first = await readAll(pages, pageSize, deadline);
    const { unreadable } = first;
    if (unreadable > 0) {
      const problem = `Trove's list has entries without the id of an instance, which were left out: ${unreadable}`;
      return { instances: first.instances, isFresh: false, problem };
    }
    if (first.count === 1) return { instances: first.instances, isFresh: true };
    const union = new Map(first.instances);
    let previous = first.instances;
    for (let reading = 2; reading <= MAX_READINGS; reading++) {
      const { instances, isDoubled } = await readAll(pages, pageSize - reading, deadline);
      for (const [id, instance] of instances) union.set(id, instance);
      const isSame = instances.size === previous.size && previous.keys().every((id) => instances.has(id));
      if (isSame && !isDoubled) return { instances: union, isFresh: true };
      previous = instances;
    }
    return { instances: union, isFresh: false, problem: "Trove's instances changed while they were listed" };
  };
}

/**
 * Reads all pages once.
 *
 * @returns `unreadable`: entries that name no instance; `isDoubled`: an instance was on two pages, so another may have
 * been on none
 */
async function readAll(pages: ReturnType<typeof pageReader>, pageSize: number, deadline: Deadline) {
  const instances = new Map<string, TroveInstance>();
  let marker = 0;
  let unreadable = 0;
  for (let count = 1, listed = 0; ; count++) {
    const { instances: page, links } = Object(await pages(pageSize, marker, deadline));
    if (!Array.isArray(page)) throw new TroveUnavailable("Trove's answer is not a list of instances");
    for (const entry of page) {
      const instance = parseInstance(entry);
      if (instance === undefined) unreadable++;
      else instances.set(instance.id, instance);
    }
    listed += page.length;
    const next = nextMarker(links);
    if (next === undefined) return { instances, count, unreadable, isDoubled: listed > instances.size };
    if (!(next > marker)) throw new TroveUnavailable("Trove's pages do not advance");
    marker = next;
  }
}

/** @returns a function that gives what Trove answers, as JSON gave it */
function pageReader({ url: base, keystoneUrl, credential }: TroveSettings) {
  const tokenFor = tokenIssuer(keystoneUrl, credential);
  return async (limit: number, marker: number, deadline: Deadline): Promise<unknown> => {
    for (let attempt = 1; ; attempt++) {
      const { token, projectId } = await tokenFor(deadline, attempt > 1);
      const url = new URL(`${base}/${encodeURIComponent(projectId)}/mgmt/instances`);
      url.search = `deleted=false&include_clustered=true&limit=${limit}${marker > 0 ? `&marker=${marker}` : ''}`;
      const headers = { 'X-Auth-Token': token, Accept: 'application/json' };
      const { status, json } = await requestJson('Trove', url, deadline, { headers });
      if (status === 200 && json !== undefined) return json;
      if (status === 200) throw new TroveUnavailable("Trove's answer is not JSON");
      if (status !== 401 || attempt > 1)
        throw new TroveUnavailable(`Trove answered with status ${status}${MEANINGS[status] ?? ''}`);
    }
  };
}

const MEANINGS: Readonly<Record<number, string>> = {
  401: ': the application credential has no role of an admin',
  403: ': its policy forbids it, or Nova failed',
  413: ': too many requests (http_get_rate)',
};

/** Of the next page, which Trove names by a URL; of that only the marker is used, since scheme and host may be wrong, or be left out. */
function nextMarker(links: unknown): number | undefined {
  const next = Array.isArray(links) ? links.find((link) => Object(link).rel === 'next') : undefined;
  return next && Number(URL.parse(String(next.href), 'https://trove')?.searchParams.get('marker'));
}
