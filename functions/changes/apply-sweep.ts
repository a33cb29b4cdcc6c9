import type { Reachable, Unreachable } from '../guest/ping-result.ts';
import type { DayLine, HistoryLine } from '../history/history-line.ts';
import { percentilesOf, withRoundTrip } from '../history/round-trips.ts';
import type { Verdict } from '../sweep/sweep.ts';
import { type Apart, type SweepError, type SweepResult, type Tally, tally } from '../sweep/sweep-result.ts';
import type { TroveInstance } from '../trove/instance.ts';
import { type CommonCause, commonCause } from './common-cause.ts';
import { contradictions } from './contradictions.ts';
import { controlPlane } from './control-plane-history.ts';
import { contextOf, descriptionOf, excuse } from './counted-apart.ts';
import {
  type Answered,
  type ControlPlaneTopic,
  described,
  type FleetState,
  fleetState,
  type GuestState,
  type LastSweep,
  type Mute,
} from './fleet-state.ts';
import { activeMutes, muteOf } from './mutes.ts';
import { type Reminder, reminderOf } from './reminder.ts';
import { type Shrinkage, shrinkageError, shrunk as shrunkSince } from './shrinkage.ts';
import { type Change, type Thresholds, transition } from './transition.ts';

/** What a sweep has changed. */
export interface Applied {
  readonly state: FleetState;
  readonly changes: readonly Change[];
  /** Of muted guests: nobody is told. */
  readonly quietChanges: readonly Change[];
  readonly reminder?: Reminder;
  readonly tally: Tally;
  /** Undefined where the control plane was not pinged. */
  readonly controlPlane?: readonly ControlPlaneTopic[];
  /** What most of the unreachable guests have in common, where many became unreachable just now. */
  readonly cause?: CommonCause | undefined;
  /** Set in the sweep in which the fleet shrank. */
  readonly shrank?: Shrinkage;
  /** The sweep's own error, or that the fleet has shrunk. */
  readonly error?: SweepError | undefined;
}

export interface Rules extends Thresholds {
  /** How long a guest may be silent in a status in which that is expected, in milliseconds. */
  readonly expectedSilenceMs: number;
}

/** What Trove says of a guest is saved of at most so many: with 40,000, the state would be too large to be read back. */
const MAX_DESCRIBED = 5000;

/** Round trips are counted of at most so many guests, and so many lines of the history wait in the state. */
const MAX_COUNTED = 5000;
const MAX_UNFILED = 5000;

/** No sweep takes longer, in milliseconds. A saved time that is later by more comes from a clock that was set back since. */
const MAX_SWEEP_MS = 900_000;

/** A sweep that begins sooner after the last one than this share of the rate is a repeat, and not counted as one more. */
const MIN_SHARE_OF_RATE = 1 / 3;

/**
 * The state after one more sweep, and what has changed. A guest without a verdict keeps its state; a sweep that the
 * broker ended changes no guest; a verdict older than what is known of the guest does not count.
 *
 * @param before undefined: nothing was saved
 */
export function applySweep(before: FleetState | undefined, result: SweepResult, rules: Rules): Applied {
  const fleet = new Fleet(before, result, rules);
  if (result.isBrokerReachable) for (const [id, verdict] of result.verdicts) fleet.apply(id, verdict);
  return fleet.applied();
}

/** The state without these guests: an operator says that they no longer exist. */
export function forget(state: FleetState, instanceIds: Iterable<string>): FleetState {
  const ids = new Set(instanceIds);
  if (ids.size === 0) return state;
  const { guests, answered, round_trips: trips } = state;
  const left = <T>(record: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(record).filter(([id]) => !ids.has(id)));
  return {
    ...state,
    guests: left(guests),
    answered: left(answered),
    ...(trips && { round_trips: { ...trips, guests: left(trips.guests) } }),
  };
}

class Fleet {
  readonly #before: FleetState | undefined;
  readonly #result: SweepResult;
  readonly #rules: Rules;
  readonly #guests: Map<string, GuestState>;
  readonly #answered: Record<string, Answered>;
  /** Where no guest had answered before, a silent one that is first seen now may be an old one. */
  readonly #wasAnyReachable: boolean;
  /** Whether a later sweep has been saved. */
  readonly #isLate: boolean;
  readonly #apart = new Map<string, Apart>();
  readonly #changes: Change[] = [];
  readonly #quietChanges: Change[] = [];
  readonly #mutes: readonly Mute[];
  readonly #startedAt: string;
  readonly #endedAt: string;
  /** True when the same event was delivered twice, or somebody swept beside the schedule. */
  readonly #isRepeat: boolean;
  readonly #roundTrips: Map<string, string>;
  readonly #losses = { expected: 0, lost: 0 };

  constructor(before: FleetState | undefined, result: SweepResult, rules: Rules) {
    this.#before = before;
    this.#result = result;
    this.#rules = rules;
    this.#guests = new Map(Object.entries(before?.guests ?? {}));
    this.#answered = { ...before?.answered };
    this.#wasAnyReachable = Object.keys(this.#answered).length > 0;
    this.#mutes = activeMutes(before?.mutes, result.endedAt);
    this.#roundTrips = new Map(Object.entries(this.#isNewDay ? {} : (before?.round_trips?.guests ?? {})));
    this.#startedAt = result.startedAt.toISOString();
    this.#endedAt = result.endedAt.toISOString();
    const sinceCountedMs = result.startedAt.getTime() - Date.parse(before?.counted_at ?? '');
    this.#isLate = this.#isLater(before?.sweep.started_at);
    this.#isRepeat = Math.abs(sinceCountedMs) < MIN_SHARE_OF_RATE * (rules.rateMs ?? 0);
  }

  apply(id: string, verdict: Verdict): void {
    if (verdict.reachable === 'unknown') return;
    const before = this.#guests.get(id);
    const wasReachable = before === undefined && id in this.#answered;
    if (this.#isOutdated(before, wasReachable) || this.#isForeign(before, wasReachable)) return;
    const why = verdict.reachable ? undefined : verdict;
    if (verdict.reachable) {
      this.#answered[id] = this.#answerOf(id, verdict, before);
      this.#countRoundTrip(id, verdict);
    } else delete this.#answered[id];
    const isDeleted = this.#isUnlisted(id) && before?.unlisted === true;
    const isBound = this.#result.bound?.has(id) ?? true;
    if (isDeleted && before?.counted_apart !== 'orphaned') this.#reportDeletion(id, before, why);
    if (isDeleted && why && !isBound) {
      this.#guests.delete(id);
      return;
    }
    const isMuted = this.#isMuted(id, before, why);
    if (!isMuted) this.#count(before, wasReachable, why);
    const at = why ? this.#result.failedAt(id).toISOString() : this.#endedAt;
    const isTroveFresh = this.#result.trove?.isFresh === true;
    const silent = { before, isNewcomer: before === undefined && !wasReachable && this.#wasAnyReachable, at };
    const context = why && contextOf(silent, this.#instance(id), this.#result.trove);
    const excused = context && excuse(silent, context, isTroveFresh, this.#rules.expectedSilenceMs);
    const apart = isDeleted ? 'orphaned' : isMuted && why ? 'muted' : excused;
    const isExcused = why !== undefined && (isDeleted || excused !== undefined);
    const finding = { why, at, isExcused, isMuted, isRepeat: this.#isRepeat };
    const { guest, change, isQuiet } = transition(before, finding, this.#rules);
    const name = this.#instance(id)?.name || before?.name;
    if (change) this.#report({ instance_id: id, ...(name && { name }), ...change }, isQuiet);
    this.#set(id, guest, context, apart);
  }

  applied(): Applied {
    const { error } = this.#result;
    const counts = tally(this.#result, this.#apart);
    const { reachable } = counts.totals;
    const { abandonedAfterMs } = this.#rules;
    const shrunk = shrunkSince(this.#before?.shrunk, this.#result, reachable, this.#losses, abandonedAfterMs);
    const isNew = shrunk && !this.#before?.shrunk;
    const cause = this.#commonCause();
    const pinged = controlPlane(this.#before?.control_plane, this.#result);
    const topics = pinged ?? this.#before?.control_plane;
    const { contradicted, changes } = contradictions(this.#before?.contradicted, this.#result);
    for (const change of changes) this.#report(change, this.#isMuted(change.instance_id));
    const isCounted = this.#isOfFleet && this.#result.isBrokerReachable && !this.#isRepeat;
    const countedAt = isCounted ? this.#startedAt : this.#before?.counted_at;
    const reminder = isCounted ? this.#reminder() : undefined;
    const remindedAt = reminder ? this.#endedAt : this.#before?.reminded_at;
    const guests = Object.fromEntries(withinLimit(this.#guests));
    const state = fleetState(this.#lastSweep(counts, cause), guests, {
      answered: this.#answered,
      ...(countedAt && { counted_at: countedAt }),
      ...(shrunk && { shrunk }),
      ...(remindedAt && { reminded_at: remindedAt }),
      ...(this.#mutes.length > 0 && { mutes: [...this.#mutes] }),
      ...this.#history(),
      ...(topics && { control_plane: topics }),
      ...(Object.keys(contradicted).length > 0 && { contradicted }),
    });
    return {
      state,
      changes: this.#changes,
      quietChanges: this.#quietChanges,
      ...(reminder && reminder.guests > 0 && { reminder }),
      cause: this.#changes.some(({ change }) => change === 'unreachable') ? cause : undefined,
      tally: counts,
      ...(pinged && { controlPlane: pinged }),
      ...(isNew && { shrank: { ...shrunk, lost: this.#losses.lost } }),
      error: error ?? (shrunk && shrinkageError(shrunk, reachable, this.#result.endedAt)),
    };
  }

  get #isOfFleet(): boolean {
    return this.#result.origin.from !== 'event';
  }

  /** Whether a later sweep has looked at the guest since this one began. */
  #isOutdated(before: GuestState | undefined, wasReachable: boolean): boolean {
    return wasReachable ? this.#isLate : this.#isLater(before?.at);
  }

  #isLater(at: string | undefined): boolean {
    const ms = Date.parse(at ?? '') - this.#result.startedAt.getTime();
    return ms > 0 && ms <= MAX_SWEEP_MS;
  }

  #instance(id: string): TroveInstance | undefined {
    return this.#result.trove?.instances.get(id);
  }

  #answerOf(id: string, { roundTripMs }: Reachable, before: GuestState | undefined): Answered {
    const [instance, last] = [this.#instance(id), this.#answered[id] ?? before];
    const isUnknown = last === undefined || typeof last === 'number';
    if (instance === undefined && isUnknown) return roundTripMs;
    return { round_trip_ms: roundTripMs, ...descriptionOf(instance, isUnknown ? undefined : last) };
  }

  get #day(): string {
    return this.#result.endedAt.toISOString().slice(0, 10);
  }

  get #isNewDay(): boolean {
    return this.#before?.round_trips?.day !== this.#day;
  }

  #countRoundTrip(id: string, { roundTripMs }: Reachable): void {
    const before = this.#roundTrips.get(id);
    if (before === undefined && this.#roundTrips.size >= MAX_COUNTED) return;
    this.#roundTrips.set(id, withRoundTrip(before, roundTripMs));
  }

  /** What the history has to keep: what has changed, and the round trips of a day that is over. */
  #history(): Pick<FleetState, 'unfiled' | 'round_trips'> {
    const { unfiled = [], round_trips: before } = this.#before ?? {};
    const lineOf =
      (isQuiet: boolean) =>
      (change: Change): HistoryLine => {
        const { hypervisor } =
          this.#guests.get(change.instance_id) ?? described(this.#answered[change.instance_id]) ?? {};
        return {
          at: this.#endedAt,
          ...change,
          ...(hypervisor && { hypervisor }),
          ...(isQuiet && { muted: true as const }),
        };
      };
    const changed = [...this.#changes.map(lineOf(false)), ...this.#quietChanges.map(lineOf(true))];
    const over = before && this.#isNewDay ? [dayLine(before, this.#endedAt)] : [];
    const lines = [...unfiled, ...over, ...changed].slice(-MAX_UNFILED);
    const guests = Object.fromEntries(this.#roundTrips);
    const day = this.#isNewDay ? this.#day : (before?.day ?? this.#day);
    return { ...(lines.length > 0 && { unfiled: lines }), round_trips: { day, guests } };
  }

  /** Whether an event alone names the guest: it may be mistyped, and is no part of the fleet. */
  #isForeign(before: GuestState | undefined, wasReachable: boolean): boolean {
    return !this.#isOfFleet && before === undefined && !wasReachable;
  }

  #isMuted(id: string, before?: GuestState, why?: Unreachable): boolean {
    if (this.#mutes.length === 0) return false; // before each of 40,000 guests: spares 17 MB of objects
    const hypervisor = this.#instance(id)?.hypervisor ?? before?.hypervisor;
    const known = { ...(why && { reason: why.reason }), ...(hypervisor && { hypervisor }) };
    return muteOf(this.#mutes, id, known, this.#result.endedAt) !== undefined;
  }

  #report(change: Change, isQuiet = false): void {
    (isQuiet ? this.#quietChanges : this.#changes).push(change);
  }

  #reminder(): Reminder | undefined {
    const told = new Set(this.#changes.map(({ instance_id: id }) => id));
    const isSilent = ({ sweeps, reported, counted_apart: apart }: GuestState) =>
      sweeps > 0 && reported === 'unreachable' && apart === undefined;
    const silent = this.#guests.entries().filter(([, guest]) => isSilent(guest));
    const { remindAfterMs } = this.#rules;
    const remindedAt = this.#before?.reminded_at;
    return reminderOf(silent, (id) => told.has(id), remindedAt, this.#result.endedAt, remindAfterMs);
  }

  #isUnlisted(id: string): boolean {
    return this.#result.trove?.isFresh === true && this.#instance(id) === undefined;
  }

  #reportDeletion(id: string, before: GuestState | undefined, why: Unreachable | undefined): void {
    const wasReported = before !== undefined && before.reported !== 'nothing';
    if (!wasReported || why === undefined) return;
    const { since, name } = before;
    const { reason } = why;
    const isQuiet = before.muted === true || this.#isMuted(id, before, why);
    this.#report({ instance_id: id, ...(name && { name }), change: 'deleted', reason, since }, isQuiet);
    this.#guests.set(id, { ...before, reported: 'nothing' });
  }

  #count(before: GuestState | undefined, wasReachable: boolean, why: Unreachable | undefined): void {
    if (!wasReachable && before?.sweeps !== 0) return;
    this.#losses.expected++;
    if (why) this.#losses.lost++;
  }

  #set(
    id: string,
    guest: GuestState | undefined,
    context: Partial<GuestState> | undefined,
    excuse: Apart | undefined,
  ): void {
    if (guest === undefined) {
      this.#guests.delete(id);
      return;
    }
    const kind = excuse ?? (guest.reported === 'abandoned' ? 'abandoned' : undefined);
    const apart = guest.sweeps > 0 ? kind : undefined;
    if (apart) this.#apart.set(id, apart);
    this.#guests.set(id, { ...guest, ...context, ...(apart && { counted_apart: apart }) });
  }

  #commonCause(): CommonCause | undefined {
    const { trove, queueNodes } = this.#result;
    const silent = this.#guests.entries().filter(([, guest]) => guest.sweeps > 0 && !guest.counted_apart);
    const unreachable = silent.map(([id, guest]) => {
      const node = queueNodes?.get(id);
      return node === undefined ? guest : { ...guest, broker_node: node };
    });
    const instances = [...(trove?.instances.values() ?? [])].map(({ hypervisor, datastoreVersion }) => ({
      ...(hypervisor && { hypervisor }),
      ...(datastoreVersion && { datastore_version: datastoreVersion }),
    }));
    const queues = [...(queueNodes?.values() ?? [])].map((node) => ({ broker_node: node }));
    return commonCause([...unreachable], [...instances, ...queues]);
  }

  /** The totals of a few named guests, or of an older sweep, do not take the place of the fleet's last. */
  #lastSweep({ totals }: Tally, cause: CommonCause | undefined): LastSweep {
    const { origin, durationMs, isBrokerReachable, error } = this.#result;
    const before = this.#before?.sweep;
    if (before && (this.#isLate || (!this.#isOfFleet && before.guests_from !== 'event'))) return before;
    return {
      at: this.#endedAt,
      started_at: this.#startedAt,
      ...totals,
      broker_reachable: isBrokerReachable,
      duration_ms: Math.round(durationMs),
      guests_from: origin.from,
      ...(cause && { common_cause: cause }),
      ...(error && { error }),
    };
  }
}

function* withinLimit(guests: ReadonlyMap<string, GuestState>): Iterable<[string, GuestState]> {
  let described = 0;
  for (const [id, guest] of guests) {
    const { name: _, project_id: __, hypervisor: ___, datastore_version: ____, ...bare } = guest;
    yield [id, guest.name === undefined || ++described <= MAX_DESCRIBED ? guest : bare];
  }
}

function dayLine({ day, guests }: NonNullable<FleetState['round_trips']>, at: string): DayLine {
  const trips = Object.entries(guests).map(([id, histogram]) => [id, percentilesOf(histogram)] as const);
  return { at, day, round_trips: Object.fromEntries(trips) };
}
