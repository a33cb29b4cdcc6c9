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
  const all = Object.values(guests);
  const apart = all.filter(({ counted_apart: why }) => why !== undefined);
  const down = all.filter(({ sweeps }) => sweeps > 0).length - apart.length;
  const up = all.length - apart.length - down + reachable;
  const last: LastSweep = {
    at: minutesAgo(40 / 60),
    checked: all.length + reachable,
    orphaned: apart.filter(({ counted_apart: why }) => why === 'orphaned').length,
    reachable: up,
    unreachable: down,
    unknown: 0,
    new: 0,
    abandoned: 0,
    expected_silent: 0,
    muted: 0,
    broker_reachable: true,
    duration_ms: 1840,
    guests_from: 'bindings',
    ...sweep,
  };
  return fleetState(last, guests);
}

/** As Trove describes a guest. */
export function described(name: string, hypervisor: string, status = 'ACTIVE'): Partial<GuestState> {
  const project = '5f2b0c1e9a3d4e7f8a6b1c2d3e4f5a6b';
  return { name, project_id: project, hypervisor, datastore_version: 'mysql 8.0', trove_status: status };
}

/** The fleet of the README's picture, which Trove describes: with a hypervisor that failed, and guests that are silent for other causes. */
export const DESCRIBED: FleetState = {
  ...stateOf(
    {
      ...Object.fromEntries(
        [1, 2, 3, 4].map((number) => [
          instance(number),
          unreachable('no_reply', 12, described(`orders-${number}`, 'compute-7')),
        ]),
      ),
      [instance(5)]: unreachable('no_consumer', 50, {
        ...described('wiki', 'compute-2', 'HEALTHY'),
        consumers: 0,
      }),
      [instance(6)]: unreachable('no_consumer', 3, {
        ...described('shop', 'compute-1', 'REBOOT'),
        counted_apart: 'expected_silent',
      }),
      [instance(7)]: unreachable('queue_missing', 9, {
        ...described('blog', 'compute-3', 'BUILD'),
        counted_apart: 'new',
      }),
      [instance(8)]: unreachable('no_consumer', 20_000, {
        ...described('old', 'compute-4', 'ERROR'),
        counted_apart: 'abandoned',
      }),
      [instance(9)]: unreachable('no_consumer', 600, { counted_apart: 'orphaned' }),
      [instance(14)]: unreachable('no_reply', 70, {
        ...described('stage', 'compute-6'),
        counted_apart: 'muted',
        muted: true,
      }),
    },
    131,
    {
      common_cause: {
        attribute: 'hypervisor',
        value: 'compute-7',
        guests: 4,
        unreachable: 5,
        since: minutesAgo(12),
      },
    },
  ),
  contradicted: {
    [instance(12)]: {
      since: minutesAgo(4),
      lists: 0,
      trove_status: 'ERROR',
      name: 'crm',
      hypervisor: 'compute-5',
    },
    [instance(13)]: { since: minutesAgo(90), lists: 2 },
  },
  mutes: [
    {
      target: 'compute-6',
      from: minutesAgo(75),
      until: minutesAgo(-45),
      note: 'new memory',
      author: 'ann',
    },
  ],
  control_plane: [
    { topic: 'taskmanager', reachable: true },
    { topic: 'trove-conductor', reachable: false, reason: 'no_consumer', since: minutesAgo(4) },
  ],
};

/** A fleet with each kind of guest, without Trove. */
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
