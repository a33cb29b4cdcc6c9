import {
  type FleetState,
  fleetState,
  type GuestState,
  type LastSweep,
} from '../../functions/changes/fleet-state.ts';
import type { Reason } from '../../functions/guest/reason.ts';

/** The clock of the page's tests. */
export const NOW_MS = Date.parse('2026-03-14T14:05:52.000Z');

export function minutesAgo(minutes: number): string {
  return new Date(NOW_MS - minutes * 60_000).toISOString();
}

/** An instance id that can be told from others. */
export function instance(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

/** A guest that five sweeps in a row have found unreachable, and that was reported. */
export function unreachable(reason: Reason, minutes: number, more: Partial<GuestState> = {}): GuestState {
  const since = minutesAgo(minutes);
  const reported = { reported: 'unreachable', reported_reason: reason } as const;
  return { reason, since, sweeps: 5, same_sweeps: 5, flips: 1, flips_since: since, ...reported, ...more };
}

/** A state whose sweep ended forty seconds ago, its totals being those of its guests and of `reachable` others. */
export function stateOf(
  guests: Readonly<Record<string, GuestState>>,
  reachable: number,
  sweep: Partial<LastSweep> = {},
): FleetState {
  const down = Object.values(guests).filter(({ sweeps }) => sweeps > 0).length;
  const up = Object.values(guests).length - down + reachable;
  const last: LastSweep = {
    at: minutesAgo(40 / 60),
    checked: down + up,
    reachable: up,
    unreachable: down,
    unknown: 0,
    broker_reachable: true,
    duration_ms: 1840,
    guests_from: 'bindings',
    ...sweep,
  };
  return fleetState(last, guests);
}

/** The fleet of the README's picture: each kind of guest. */
export const MIXED = stateOf(
  {
    [instance(10)]: unreachable('queue_down', 25 * 60),
    [instance(4)]: unreachable('no_consumer', 1, { waiting_messages: 1, reported: 'nothing', sweeps: 1 }),
    [instance(11)]: unreachable('no_consumer', 72, { waiting_messages: 14 }),
    [instance(5)]: unreachable('no_reply', 190, { waiting_messages: 0, consumers: 1 }),
    [instance(7)]: unreachable('guest_error', 38, {
      reported: 'flapping',
      flips: 6,
      flips_since: minutesAgo(64),
    }),
    [instance(2)]: unreachable('key_mismatch', 9, {
      reported: 'flapping',
      sweeps: 0,
      flips_since: minutesAgo(31),
    }),
  },
  137,
);
