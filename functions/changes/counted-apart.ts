import type { Apart, SweepResult } from '../sweep/sweep-result.ts';
import type { TroveInstance } from '../trove/instance.ts';
import type { Contradiction, GuestState } from './fleet-state.ts';

/** How long a guest that has never answered counts as new, in milliseconds. */
const NEW_MS = 3_600_000;

/** Statuses of Trove in which the agent is down, or restarting. */
const SILENT_STATUSES = new Set(['BUILD', 'REBOOT', 'RESIZE', 'PROMOTE', 'EJECT', 'UPGRADE', 'SHUTDOWN']);

/** A guest that does not answer, as far as it matters for what its silence means. */
export interface SilentGuest {
  /** What is saved of it; undefined: it answered, or has just been found. */
  readonly before: GuestState | undefined;
  /** Whether it was first seen while other guests were known: it may still be booting. */
  readonly isNewcomer: boolean;
  /** When its ping failed. */
  readonly at: string;
}

type Context = Partial<GuestState>;

/** What is saved of a silent guest beside its history, and why it is counted apart while it is silent, if it is. */
export function silenceOf(
  { before, isNewcomer, at }: SilentGuest,
  instance: TroveInstance | undefined,
  trove: SweepResult['trove'],
  { expectedSilenceMs }: { readonly expectedSilenceMs: number },
): { readonly context: Context; readonly excuse: Apart | undefined } {
  const isFresh = trove?.isFresh === true;
  const status = instance?.status || before?.trove_status;
  const isExpected = status !== undefined && SILENT_STATUSES.has(status);
  const expectedSince = isExpected ? (before?.expected_since ?? at) : undefined;
  const neverAnswered = isNewcomer || before?.never_answered || undefined;
  const unlisted = (isFresh ? instance === undefined : before?.unlisted) || undefined;
  const isWithin = (since: string, ms: number) => Date.parse(at) - Date.parse(since) < ms;
  const excuse = () => {
    if (expectedSince !== undefined && isWithin(expectedSince, expectedSilenceMs)) return 'expected_silent';
    if (neverAnswered && isWithin(before?.since ?? at, NEW_MS)) return 'new';
    if (unlisted && isFresh) return 'expected_silent'; // until the next list confirms it
    return before?.counted_apart === 'orphaned' && !isFresh ? 'orphaned' : undefined;
  };
  const context = defined({
    ...descriptionOf(instance, before),
    trove_status: status,
    datastore_version: instance?.datastoreVersion ?? before?.datastore_version,
    expected_since: expectedSince,
    never_answered: neverAnswered,
    unlisted,
  });
  return { context, excuse: excuse() };
}

export type Description = Pick<Contradiction, 'name' | 'project_id' | 'hypervisor'>;

/** What Trove says of an instance, or said when it was last listed. */
export function descriptionOf(instance: TroveInstance | undefined, before: Description = {}): Description {
  return defined({
    name: instance?.name || before.name,
    project_id: instance?.projectId || before.project_id,
    hypervisor: instance?.hypervisor ?? before.hypervisor,
  });
}

/** The same without the fields that are undefined. */
function defined(fields: { readonly [Name in keyof GuestState]?: GuestState[Name] | undefined }): Context {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
