import * as v from 'valibot';
import { CodedError } from '../coded-error.ts';
import { REASONS, type Reason } from '../guest/reason.ts';
import { INSTANCE_ID } from '../guest/topic.ts';
import { HISTORY_LINE, instanceId, moment } from '../history/history-line.ts';
import { isRecord, parseJson } from '../json.ts';
import { StateUnavailable } from '../store/state-store.ts';
import { APART } from '../sweep/sweep-result.ts';

const VERSION = 2;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const reason = v.custom<Reason>((value) => typeof value === 'string' && Object.hasOwn(REASONS, value));

/** A record by instance id, checked in place: to copy what 40,000 guests have, and to make an object for each, takes memory. */
function ofGuests<T>(isOfGuest: (value: unknown) => value is T) {
  return v.custom<Readonly<Record<string, T>>>(
    (value) =>
      isRecord(value) && Object.keys(value).every((id) => INSTANCE_ID.test(id) && isOfGuest(value[id])),
  );
}

const LAST_SWEEP = v.object({
  /** When the sweep ended. */
  at: moment,
  started_at: v.exactOptional(moment),
  ...v.entriesFromList(['checked', 'reachable', 'unreachable', 'unknown'], count),
  ...v.entriesFromList(APART, v.exactOptional(count, 0)),
  ...v.entriesFromList(['guests_unencrypted', 'guests_with_several_consumers'], v.exactOptional(count)),
  broker_reachable: v.boolean(),
  duration_ms: count,
  guests_from: v.picklist(['event', 'bindings', 'queues', 'last_list', 'nowhere']),
  /** What most of the unreachable guests have in common. */
  common_cause: v.optional(
    v.object({
      attribute: v.picklist(['hypervisor', 'broker_node', 'datastore_version']),
      value: v.string(),
      /** How many of the unreachable guests have it. */
      guests: count,
      unreachable: count,
      /** When half of them had become unreachable. */
      since: moment,
    }),
  ),
  /** What kept the sweep from being complete. */
  error: v.optional(v.object({ code: v.string(), message: v.string() })),
});

/** What Trove says of an instance, where that is known. */
const DESCRIBED = v.entriesFromList(['name', 'project_id', 'hypervisor'], v.exactOptional(v.string()));

const GUEST = v.object({
  /** Of the last sweep in which the guest was unreachable. */
  reason,
  /** When the guest was first seen unreachable, this time: answers that are too few to count do not end that time. */
  since: moment,
  /** When the last verdict was reached. */
  at: v.exactOptional(moment),
  /** How many sweeps in a row found the guest unreachable; 0: the last one that has a verdict reached the guest. */
  sweeps: count,
  /** How many sweeps in a row ended for the guest as the last one did: reachable, or unreachable by this reason. */
  same_sweeps: count,
  /** Of a silent guest's queue, as in the summary. */
  waiting_messages: v.exactOptional(count),
  consumers: v.exactOptional(v.nullable(count)),
  /** How often the guest has begun or ceased to answer since it was last steady. */
  flips: count,
  /** When it changed for the first of these times. */
  flips_since: moment,
  /** What was last reported: nothing bad, that the guest is unreachable, or that it is flapping. */
  reported: v.picklist(['nothing', 'unreachable', 'flapping', 'abandoned']),
  /** With what reason it was reported unreachable. */
  reported_reason: v.exactOptional(reason),
  counted_apart: v.exactOptional(v.picklist(APART)),
  /** It was muted at its last verdict, and nobody was told what that was. */
  muted: v.exactOptional(v.literal(true)),
  /** It was first seen while the fleet was known, and has not answered since. */
  never_answered: v.exactOptional(v.literal(true)),
  /** It was missing in Trove's last list, which was whole; when it is missing again, Trove has deleted it. */
  unlisted: v.exactOptional(v.literal(true)),
  /** Since when Trove's status has said that the guest is silent for now. */
  expected_since: v.exactOptional(moment),
  ...DESCRIBED,
  trove_status: v.exactOptional(v.string()),
  datastore_version: v.exactOptional(v.string()),
});

const roundTripMs = v.pipe(v.number(), v.minValue(0));

const DESCRIBED_ANSWER = v.object({ round_trip_ms: v.exactOptional(roundTripMs), ...DESCRIBED });

/** A guest's last answer: the round trip alone, from publish to reply, where no more is known; empty from older releases. */
export type Answered = number | Readonly<v.InferOutput<typeof DESCRIBED_ANSWER>>;

const isAnswered = (value: unknown): value is Answered =>
  typeof value === 'number' ? value >= 0 : v.is(DESCRIBED_ANSWER, value);

const TOPIC = v.object({
  topic: v.string(),
  reachable: v.nullable(v.boolean()),
  reason: v.exactOptional(v.string()),
  since: v.exactOptional(moment),
});

const CONTRADICTION = v.object({
  since: moment,
  /** Trove's status of the instance; missing: Trove does not list it. */
  trove_status: v.exactOptional(v.string()),
  /** How many of Trove's lists in a row have lacked it, as far as that matters. */
  lists: count,
  ...DESCRIBED,
});

const MUTE = v.object({
  /** An instance's id, a reason, a hypervisor, or `all`. */
  target: v.string(),
  from: moment,
  until: moment,
  note: v.exactOptional(v.string()),
  author: v.exactOptional(v.string()),
});

const STATE = v.object({
  version: v.literal(VERSION),
  /** The last sweep of the whole fleet; one of named guests only while there has been no other. */
  sweep: LAST_SWEEP,
  /** When the last sweep of the fleet began that counts as one of the schedule. */
  counted_at: v.optional(moment),
  /** By instance id, the guests that are not plainly reachable: the unreachable, and those that lately were. */
  guests: v.record(instanceId, GUEST),
  /** By instance id, the guests that answered when they were last pinged. */
  answered: v.optional(ofGuests(isAnswered), () => ({})),
  /** Guests that are plainly reachable, as older releases saved them. */
  known: v.optional(v.array(instanceId), []),
  /** The control plane's own topics; `reachable` is null where that is not known. */
  control_plane: v.optional(v.array(TOPIC)),
  /** By instance id, guests that answer, though Trove takes them for dead or does not list them. */
  contradicted: v.optional(v.record(instanceId, CONTRADICTION)),
  /** The fleet has shrunk (`shrinkage.ts`): since when, and how many guests had answered before. */
  shrunk: v.optional(v.object({ since: moment, from: count })),
  /** When people were last reminded of what is still unreachable. */
  reminded_at: v.optional(moment),
  mutes: v.optional(v.array(MUTE)),
  /** The newest lines of the history, which are not in its files yet. */
  unfiled: v.optional(v.array(HISTORY_LINE)),
  /** Today's round trips (UTC), as `history/round-trips.ts` counts them, of some guests. */
  round_trips: v.optional(
    v.object({ day: v.string(), guests: ofGuests((value) => typeof value === 'string') }),
  ),
});

/** A sweep's totals, as its summary has them. */
export type LastSweep = Readonly<v.InferOutput<typeof LAST_SWEEP>>;

/** A guest that is unreachable, or lately was. */
export type GuestState = Readonly<v.InferOutput<typeof GUEST>>;

/** A guest's last answer, with all that is known of the guest. */
export function described(answered: Answered | undefined): Exclude<Answered, number> | undefined {
  return typeof answered === 'number' ? { round_trip_ms: answered } : answered;
}

/** What the health check saves from sweep to sweep, as JSON. */
export type FleetState = Readonly<Omit<v.InferOutput<typeof STATE>, 'known'>>;

/** A topic of Trove's control plane; `reachable` is null where that is not known. */
export type ControlPlaneTopic = Readonly<v.InferOutput<typeof TOPIC>>;

/** Guests of which an operator wants to hear nothing for a while. */
export type Mute = Readonly<v.InferOutput<typeof MUTE>>;

/** A guest that answers, though Trove says otherwise. */
export type Contradiction = Readonly<v.InferOutput<typeof CONTRADICTION>>;

/** What was saved is no state of a known version. The message has nothing of the content. */
export class MalformedState extends CodedError {
  readonly code = 'state_malformed';
}

/** @throws MalformedState, or StateUnavailable for the state of a newer release, which reads it again */
export function parseFleetState(text: string): FleetState {
  const stored = upgraded(parseJson(text));
  const { success, output, issues } = v.safeParse(STATE, stored, { abortEarly: true });
  if (success) {
    const { known, ...state } = output;
    const answered: Record<string, Answered> = state.answered;
    const recovering = Object.keys(state.guests).filter((id) => state.guests[id]?.sweeps === 0);
    for (const id of [...known, ...recovering]) answered[id] ??= {};
    return state;
  }
  const [{ path = [] }] = issues;
  const where = path.map(({ key }) => (INSTANCE_ID.test(String(key)) ? '*' : key)).join('.');
  if (Object(stored).version > VERSION)
    throw new StateUnavailable(
      'The saved state is of a newer release',
      'deploy that release again, or delete the state',
    );
  throw new MalformedState(`The saved state is damaged${where && ` (${where})`}`);
}

/** Version 1 had other names for some fields of a guest. */
function upgraded(state: unknown): unknown {
  const { version, guests, ...others } = Object(state);
  if (version !== 1) return state;
  const renamed = Object.entries(Object(guests)).map(([id, guest]) => {
    const { turns: flips, turns_since: flips_since, told: reported, told_reason, ...seen } = Object(guest);
    const reason = told_reason && { reported_reason: told_reason };
    return [id, { ...seen, flips, flips_since, reported, ...reason }];
  });
  return { ...others, version: VERSION, guests: Object.fromEntries(renamed) };
}

/**
 * Whether a later sweep should have ended. One may start late in the scheduler's window and take the rest of the rate, so the
 * ends of two sweeps are at most two rates apart.
 */
export function isStale({ at }: LastSweep, nowMs: number, rateMs: number): boolean {
  return nowMs - Date.parse(at) > 2 * rateMs;
}

export function fleetState(
  sweep: LastSweep,
  guests: FleetState['guests'],
  more: Partial<FleetState> = {},
): FleetState {
  return { answered: {}, ...more, version: VERSION, sweep, guests };
}
