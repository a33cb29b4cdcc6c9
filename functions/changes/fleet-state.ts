import { CodedError } from '../coded-error.ts';
import { REASONS, type Reason } from '../guest/reason.ts';
import { INSTANCE_ID } from '../guest/topic.ts';
import type { Summary } from '../sweep/summary.ts';

/** Of what is kept. A state of another version is not read: the health check begins anew. */
const VERSION = 1;

/** What the health check keeps from sweep to sweep, as JSON. Moments are ISO 8601 in UTC. */
export interface FleetState {
  readonly version: typeof VERSION;
  /** The last sweep of the whole fleet; one of named guests only while there has been no other. */
  readonly sweep: LastSweep;
  /** By instance id, the guests that are not plainly reachable: the unreachable, and those that lately were. */
  readonly guests: Readonly<Record<string, GuestState>>;
}

/** A sweep's totals, as its summary has them. */
export interface LastSweep
  extends Pick<
    Summary,
    'checked' | 'reachable' | 'unreachable' | 'unknown' | 'broker_reachable' | 'duration_ms' | 'guests_from'
  > {
  /** When the sweep ended. */
  readonly at: string;
  /** What kept the sweep from being complete. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** A guest that is unreachable, or lately was. */
export interface GuestState {
  /** Of the last sweep in which the guest was unreachable. */
  readonly reason: Reason;
  /** When the guest was first seen unreachable, this time: answers that are too few to count do not end that time. */
  readonly since: string;
  /** How many sweeps in a row found the guest unreachable; 0: the last one that has a verdict reached the guest. */
  readonly sweeps: number;
  /** How many sweeps in a row ended for the guest as the last one did: reachable, or unreachable by this reason. */
  readonly same_sweeps: number;
  /** How often that has changed since the guest was last steady. */
  readonly turns: number;
  /** When it changed for the first of these times. */
  readonly turns_since: string;
  /** What was told last of the guest: nothing bad, that the guest is unreachable, or that the guest is flapping. */
  readonly told: 'nothing' | 'unreachable' | 'flapping';
  /** With what reason it was told that the guest is unreachable. */
  readonly told_reason?: Reason;
  /** Of a silent guest's queue, as in the summary. */
  readonly waiting_messages?: number;
  readonly consumers?: number | null;
}

/**
 * Why something is amiss with what is kept; the sweep itself is not.
 *
 * - `state_missing`: nothing was kept, so the health check begins anew.
 * - `state_malformed`: what was kept is damaged, or of another version, so the health check begins anew.
 * - `state_unreadable`: no changes can be told; they are told once the state can be read.
 * - `state_not_kept`: what is told now is told again with the next sweep.
 */
export interface StateProblem {
  readonly code: 'state_missing' | 'state_malformed' | 'state_unreadable' | 'state_not_kept';
  readonly message: string;
}

/** What is kept is no state of this version. The message has nothing of the content. */
export class MalformedState extends CodedError {
  override readonly name = 'MalformedState';
  readonly code = 'state_malformed';
}

/** @throws MalformedState */
export function parseFleetState(text: string): FleetState {
  const value = parseJson(text);
  if (!isObject(value)) throw new MalformedState('The state is not a JSON object');
  const { version, sweep, guests } = value;
  if (version !== VERSION) throw new MalformedState(`The state’s version is not ${VERSION}`);
  if (!isLastSweep(sweep)) throw new MalformedState('The state has no last sweep');
  if (!isObject(guests)) throw new MalformedState('The state has no guests');
  const known: Record<string, GuestState> = {};
  for (const [id, guest] of Object.entries(guests)) {
    if (!INSTANCE_ID.test(id) || !isGuestState(guest))
      throw new MalformedState('A guest of the state is malformed');
    known[id] = guest;
  }
  return { version: VERSION, sweep, guests: known };
}

export function fleetState(sweep: LastSweep, guests: FleetState['guests']): FleetState {
  return { version: VERSION, sweep, guests };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const ORIGINS: Readonly<Record<Summary['guests_from'], true>> = {
  event: true,
  bindings: true,
  queues: true,
  last_list: true,
  nowhere: true,
};
const TOLD: Readonly<Record<GuestState['told'], true>> = { nothing: true, unreachable: true, flapping: true };

function isLastSweep(value: unknown): value is LastSweep {
  if (!isObject(value)) return false;
  const { error } = value;
  return (
    isMoment(value['at']) &&
    isKeyOf(ORIGINS, value['guests_from']) &&
    typeof value['broker_reachable'] === 'boolean' &&
    ['checked', 'reachable', 'unreachable', 'unknown', 'duration_ms'].every((name) => isCount(value[name])) &&
    (error === undefined ||
      (isObject(error) && typeof error['code'] === 'string' && typeof error['message'] === 'string'))
  );
}

function isGuestState(value: unknown): value is GuestState {
  if (!isObject(value)) return false;
  const { reason, told_reason: toldReason, waiting_messages: waiting, consumers } = value;
  return (
    isKeyOf(REASONS, reason) &&
    isMoment(value['since']) &&
    isMoment(value['turns_since']) &&
    ['sweeps', 'same_sweeps', 'turns'].every((name) => isCount(value[name])) &&
    isKeyOf(TOLD, value['told']) &&
    (toldReason === undefined || isKeyOf(REASONS, toldReason)) &&
    (waiting === undefined || isCount(waiting)) &&
    (consumers === undefined || consumers === null || isCount(consumers))
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isKeyOf(set: object, value: unknown): boolean {
  return typeof value === 'string' && Object.hasOwn(set, value);
}

/** As `Date.toISOString()` writes it. */
function isMoment(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
