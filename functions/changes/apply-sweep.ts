import type { Reachable, Unreachable } from '../guest/ping-result.ts';
import type { DayLine, HistoryLine } from '../history/history-line.ts';
import { percentilesOf, withRoundTrip } from '../history/round-trips.ts';
import type { Verdict } from '../sweep/sweep.ts';
import { type Apart, type SweepError, type SweepResult, type Tally, tally } from '../sweep/sweep-result.ts';
import type { TroveInstance } from '../trove/instance.ts';
import { type CommonCause, commonCause } from './common-cause.ts';
import { contradictions } from './contradictions.ts';
import { controlPlane } from './control-plane-history.ts';
import { descriptionOf, silenceOf } from './counted-apart.ts';
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
import { answered, type Change, type Thresholds, transition, unanswered } from './transition.ts';

/** What a sweep has changed. */
export interface Applied {
  readonly state: FleetState;
  /** Those that people are told: not of muted guests. */
  readonly changes: readonly Change[];
  readonly reminder?: Reminder | undefined;
  readonly tally: Tally;
  /** Undefined where the control plane was not pinged. */
  readonly controlPlane?: readonly ControlPlaneTopic[] | undefined;
  /** What most of the unreachable guests have in common, where many became unreachable just now. */
  readonly cause?: CommonCause | undefined;
  /** Set in the sweep in which the fleet shrank. */
  readonly shrank?: Shrinkage | undefined;
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
  const left = <T>(record: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(record).filter(([id]) => !ids.has(id)));
  const { guests, answered, round_trips: trips } = state;
  return {
    ...state,
    guests: left(guests),
    answered: left(answered),
    round_trips: trips && { ...trips, guests: left(trips.guests) },
  };
}

class Fleet {
  readonly #before: Partial<FleetState>;
  readonly #result: SweepResult;
  readonly #rules: Rules;
  readonly #guests: Map<string, GuestState>;
  readonly #answered: Record<string, Answered>;
  /** Where no guest was plainly reachable before, a silent one that is first seen now may be an old one. */
  readonly #wasAnyReachable: boolean;
  /** Whether a later sweep has been saved. */
  readonly #isLate: boolean;
  readonly #apart = new Map<string, Apart>();
  readonly #changes: Change[] = [];
  /** What has changed, told or not, as the history has it. */
  readonly #lines: HistoryLine[] = [];
  readonly #mutes: Mute[];
  readonly #endedAt: string;
  /** True when the same event was delivered twice, or somebody swept beside the schedule. */
  readonly #isRepeat: boolean;
  /** Today's round trips (UTC). */
  readonly #roundTrips: Map<string, string>;
  readonly #losses = { expected: 0, lost: 0 };

  constructor(before: FleetState | undefined, result: SweepResult, rules: Rules) {
    this.#before = before ?? {};
    this.#result = result;
    this.#rules = rules;
    this.#guests = new Map(Object.entries(before?.guests ?? {}));
    this.#answered = { ...before?.answered };
    this.#wasAnyReachable = Object.keys(this.#answered).some((id) => !this.#guests.has(id));
    this.#mutes = activeMutes(before?.mutes, result.endedAt);
    this.#endedAt = result.endedAt.toISOString();
    const { day, guests: trips = {} } = before?.round_trips ?? {};
    this.#roundTrips = new Map(Object.entries(day === this.#day ? trips : {}));
    const sinceCountedMs = result.startedAt.getTime() - Date.parse(before?.counted_at ?? '');
    this.#isLate = this.#isLater(before?.sweep.started_at);
    this.#isRepeat = Math.abs(sinceCountedMs) < MIN_SHARE_OF_RATE * (rules.rateMs ?? 0);
  }

  apply(id: string, verdict: Verdict): void {
    if (verdict.reachable === 'unknown') return;
    const before = this.#guests.get(id);
    const hadAnswered = id in this.#answered;
    if (hadAnswered && !before ? this.#isLate : this.#isLater(before?.at)) return; // a later sweep has looked at it
    if (!this.#isOfFleet && !before && !hadAnswered) return; // an event alone names it: it may be mistyped
    if (verdict.reachable) this.#applyAnswer(id, verdict, before);
    else this.#applySilence(id, verdict, before);
  }

  #applyAnswer(id: string, verdict: Reachable, before: GuestState | undefined): void {
    const isMuted = this.#isMuted(id, before);
    if (id in this.#answered && !isMuted) this.#losses.expected++;
    this.#answered[id] = this.#answerOf(id, verdict, before);
    this.#countRoundTrip(id, verdict);
    if (before === undefined) return;
    const found = { guest: answered(before, this.#endedAt), isExcused: false, isMuted };
    const { guest, isForgotten, change, isQuiet } = transition(before, found, this.#isRepeat, this.#rules);
    if (isForgotten) this.#guests.delete(id);
    else this.#guests.set(id, guest);
    if (change) this.#report({ ...this.#named(id, before), ...change }, isQuiet);
  }

  #applySilence(id: string, why: Unreachable, before: GuestState | undefined): void {
    const hadAnswered = id in this.#answered;
    delete this.#answered[id];
    const isMuted = this.#isMuted(id, before, why);
    const instance = this.#instance(id);
    const { trove, bound } = this.#result;
    const isDeleted = trove?.isFresh === true && instance === undefined && before?.unlisted === true;
    if (isDeleted && before.counted_apart !== 'orphaned' && before.reported !== 'nothing') {
      const { since, muted } = before;
      const change = { change: 'deleted', reason: why.reason, since } as const;
      this.#report({ ...this.#named(id, before), ...change }, isMuted || muted);
    }
    if (isDeleted && bound?.has(id) === false) {
      this.#guests.delete(id);
      return;
    }
    if (hadAnswered && !isMuted) {
      this.#losses.expected++;
      this.#losses.lost++;
    }
    const at = this.#result.failedAt(id).toISOString();
    const isNewcomer = before === undefined && !hadAnswered && this.#wasAnyReachable;
    const { context, excuse } = silenceOf({ before, isNewcomer, at }, instance, trove, this.#rules);
    const isExcused = isDeleted || excuse !== undefined;
    const found = { guest: unanswered(before, why, at), isExcused, isMuted };
    const { guest, change, isQuiet } = transition(before, found, this.#isRepeat, this.#rules);
    const apart =
      (isDeleted && 'orphaned') ||
      (isMuted && 'muted') ||
      excuse ||
      (guest.reported === 'abandoned' && 'abandoned');
    if (apart) this.#apart.set(id, apart);
    this.#guests.set(id, { ...guest, ...context, ...(apart && { counted_apart: apart }) });
    if (change) this.#report({ ...this.#named(id, before), ...change }, isQuiet);
  }

  applied(): Applied {
    const { isBrokerReachable, startedAt, endedAt } = this.#result;
    const { contradicted, changes } = contradictions(this.#before.contradicted, this.#result);
    for (const change of changes) this.#report(change, this.#isMuted(change.instance_id));
    const counts = tally(this.#result, this.#apart);
    const cause = this.#commonCause();
    const topics = controlPlane(this.#before.control_plane, this.#result);
    const shrunk = shrunkSince(this.#before.shrunk, this.#result, counts, this.#losses, this.#rules);
    const isCounted = this.#isOfFleet && isBrokerReachable && !this.#isRepeat;
    const reminder = isCounted ? this.#reminder() : undefined;
    const state = fleetState(this.#lastSweep(counts, cause), Object.fromEntries(withinLimit(this.#guests)), {
      answered: this.#answered,
      counted_at: isCounted ? startedAt.toISOString() : this.#before.counted_at,
      shrunk,
      reminded_at: reminder ? this.#endedAt : this.#before.reminded_at,
      mutes: this.#mutes,
      ...this.#history(),
      control_plane: topics ?? this.#before.control_plane,
      contradicted,
    });
    return {
      state,
      changes: this.#changes,
      reminder: reminder?.guests === 0 ? undefined : reminder,
      cause: this.#changes.some(({ change }) => change === 'unreachable') ? cause : undefined,
      tally: counts,
      controlPlane: topics,
      shrank: shrunk && !this.#before.shrunk ? { ...shrunk, lost: this.#losses.lost } : undefined,
      error: this.#result.error ?? (shrunk && shrinkageError(shrunk, counts, endedAt)),
    };
  }

  get #isOfFleet(): boolean {
    return this.#result.origin.from !== 'event';
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
    return this.#endedAt.slice(0, 10);
  }

  #countRoundTrip(id: string, { roundTripMs }: Reachable): void {
    const before = this.#roundTrips.get(id);
    if (before === undefined && this.#roundTrips.size >= MAX_COUNTED) return;
    this.#roundTrips.set(id, withRoundTrip(before, roundTripMs));
  }

  /** What the history has to keep: what has changed, and the round trips of a day that is over. */
  #history(): Pick<FleetState, 'unfiled' | 'round_trips'> {
    const { unfiled = [], round_trips: before } = this.#before;
    const over = before && before.day !== this.#day ? [dayLine(before, this.#endedAt)] : [];
    const lines = [...unfiled, ...over, ...this.#lines].slice(-MAX_UNFILED);
    const guests = Object.fromEntries(this.#roundTrips);
    return { unfiled: lines.length > 0 ? lines : undefined, round_trips: { day: this.#day, guests } };
  }

  #isMuted(id: string, before?: GuestState, why?: Unreachable): boolean {
    if (this.#mutes.length === 0) return false; // before each of 40,000 guests: spares 17 MB of objects
    const hypervisor = this.#instance(id)?.hypervisor ?? before?.hypervisor;
    return muteOf(this.#mutes, id, { reason: why?.reason, hypervisor }, this.#result.endedAt) !== undefined;
  }

  #named(id: string, before: GuestState | undefined) {
    const name = this.#instance(id)?.name || before?.name;
    return { instance_id: id, ...(name && { name }) };
  }

  /** @param isQuiet the guest is muted, and nobody is told */
  #report(change: Change, isQuiet = false): void {
    const { instance_id: id } = change;
    const { hypervisor } = this.#guests.get(id) ?? described(this.#answered[id]) ?? {};
    const more = { ...(hypervisor && { hypervisor }), ...(isQuiet && { muted: true as const }) };
    this.#lines.push({ at: this.#endedAt, ...change, ...more });
    if (!isQuiet) this.#changes.push(change);
  }

  #reminder(): Reminder | undefined {
    const told = new Set(this.#changes.map(({ instance_id: id }) => id));
    const isSilent = ({ sweeps, reported, counted_apart: apart }: GuestState) =>
      sweeps > 0 && reported === 'unreachable' && apart === undefined;
    const silent = this.#guests.entries().filter(([, guest]) => isSilent(guest));
    const { reminded_at: remindedAt } = this.#before;
    return reminderOf(silent, told, remindedAt, this.#result.endedAt, this.#rules.remindAfterMs);
  }

  #commonCause(): CommonCause | undefined {
    const { trove, queueNodes } = this.#result;
    const silent = this.#guests.entries().filter(([, guest]) => guest.sweeps > 0 && !guest.counted_apart);
    const unreachable = silent.map(([id, guest]) => {
      const node = queueNodes?.get(id);
      return node === undefined ? guest : { ...guest, broker_node: node };
    });
    const instances = [...(trove?.instances.values() ?? [])].map(
      ({ hypervisor, datastoreVersion: datastore_version }) => ({ hypervisor, datastore_version }),
    );
    const queues = [...(queueNodes?.values() ?? [])].map((node) => ({ broker_node: node }));
    return commonCause([...unreachable], [...instances, ...queues]);
  }

  /** The totals of a few named guests, or of an older sweep, do not take the place of the fleet's last. */
  #lastSweep({ totals }: Tally, cause: CommonCause | undefined): LastSweep {
    const { startedAt, origin, durationMs, isBrokerReachable, error } = this.#result;
    const before = this.#before.sweep;
    if (before && (this.#isLate || (!this.#isOfFleet && before.guests_from !== 'event'))) return before;
    return {
      at: this.#endedAt,
      started_at: startedAt.toISOString(),
      ...totals,
      broker_reachable: isBrokerReachable,
      duration_ms: Math.round(durationMs),
      guests_from: origin.from,
      common_cause: cause,
      error,
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
