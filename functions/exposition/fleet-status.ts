import { described, type FleetState, type GuestState, isStale } from '../changes/fleet-state.ts';
import { activeMutes } from '../changes/mutes.ts';
import { CodedError } from '../coded-error.ts';
import { formatDuration } from '../time/format.ts';

type Silence = ReturnType<typeof silenceOf>;

/** A guest as the last sweep that has a verdict found it. */
export type GuestStatus = { readonly [name in keyof Silence]?: Silence[name] | undefined } & {
  readonly instance_id: string;
  readonly reachable: boolean;
  /** Of a guest that answered. */
  readonly round_trip_ms?: number;
};

export type FleetStatus = Readonly<ReturnType<typeof fleetStatus>>;

/** After so many times the rate of sweeps, what the last one found says nothing about now. */
const EXPIRED_AFTER_RATES = 6;

/** What was found says nothing about now. */
export class NothingKnown extends CodedError {
  readonly code = 'nothing_known';
}

/** What is known of the fleet at a moment. @throws NothingKnown where the last sweep ended too long ago */
export function fleetStatus(state: FleetState, nowMs: number, rateMs: number) {
  const { sweep, counted_at: countedAt, control_plane: controlPlane = [] } = state;
  const isExpired = (at: string) => nowMs - Date.parse(at) > EXPIRED_AFTER_RATES * rateMs;
  if (isExpired(sweep.at))
    throw new NothingKnown(
      `The last sweep ended at ${sweep.at}, more than ${formatDuration(EXPIRED_AFTER_RATES * rateMs)} ago`,
    );
  const verdictsAt = sweep.broker_reachable ? sweep.at : countedAt;
  const isKnown = verdictsAt !== undefined && !isExpired(verdictsAt);
  return {
    sweep,
    /** A sweep should have ended since. */
    isStale: isStale(sweep, nowMs, rateMs),
    controlPlane,
    /** Those that have not ended. */
    mutes: activeMutes(state.mutes, new Date(nowMs)),
    /** In the order of ids; undefined: no sweep has reached verdicts for too long, since the broker is away. */
    guests: isKnown ? guestsOf(state) : undefined,
  };
}

/** Without what is left of guests that Trove has deleted. */
function guestsOf({ guests, answered }: FleetState): GuestStatus[] {
  const silent = Object.entries(guests).filter(
    ([, { sweeps, counted_apart: why }]) => sweeps > 0 && why !== 'orphaned',
  );
  const all: GuestStatus[] = [
    ...Object.entries(answered).map(([id, answer]) => ({
      instance_id: id,
      reachable: true,
      ...described(answer),
    })),
    ...silent.map(([id, guest]) => ({ instance_id: id, reachable: false, ...silenceOf(guest) })),
  ];
  return all.sort((a, b) => (a.instance_id < b.instance_id ? -1 : 1));
}

/** Why a guest is unreachable, since when, and why it is not counted as that, if it is not; and what Trove says of it. */
function silenceOf({ reason, since, counted_apart, name, project_id, hypervisor, ...more }: GuestState) {
  const { datastore_version, trove_status } = more;
  return { reason, since, counted_apart, name, project_id, hypervisor, datastore_version, trove_status };
}
