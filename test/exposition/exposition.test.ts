import { describe, expect, test } from '@jest/globals';
import type { FleetState } from '../../functions/changes/fleet-state.ts';
import { fleetJson } from '../../functions/exposition/fleet-json.ts';
import { fleetStatus } from '../../functions/exposition/fleet-status.ts';
import { pingTargets } from '../../functions/exposition/http-sd.ts';
import { metricsText } from '../../functions/exposition/metrics-text.ts';
import { described, instance, minutesAgo, NOW_MS, stateOf, unreachable } from '../page/states.ts';

const RATE_MS = 5 * 60_000;

const MUTE = { target: 'compute-7', from: minutesAgo(9), until: minutesAgo(-9), note: 'disk', author: 'ann' };

const STATE: FleetState = {
  ...stateOf(
    {
      [instance(3)]: unreachable('no_reply', 12, described('orders', 'compute-7')),
      [instance(2)]: unreachable('no_consumer', 3, { counted_apart: 'expected_silent' }),
      [instance(4)]: unreachable('no_consumer', 60, { counted_apart: 'orphaned' }),
      [instance(5)]: unreachable('no_consumer', 60, { sweeps: 0 }),
    },
    1,
  ),
  answered: {
    [instance(1)]: { round_trip_ms: 1.9, name: 'a "b"\\\n' },
    [instance(5)]: { round_trip_ms: 20 },
  },
  mutes: [MUTE, { ...MUTE, until: minutesAgo(1) }],
  control_plane: [
    { topic: 'taskmanager', reachable: false, reason: 'no_reply' },
    { topic: 'trove-conductor', reachable: null },
  ],
};

function statusOf(state: FleetState) {
  return fleetStatus(state, NOW_MS, RATE_MS);
}

const text = (parts: Iterable<string>) => [...parts].join('');

describe('the status', () => {
  test('each guest once, in the order of ids, without those that Trove has deleted', () => {
    expect(
      statusOf(STATE).guests?.map((guest) => [guest.instance_id, guest.reachable, guest.reason]),
    ).toEqual([
      [instance(1), true, undefined],
      [instance(2), false, 'no_consumer'],
      [instance(3), false, 'no_reply'],
      [instance(5), true, undefined],
    ]);
  });

  test.each<[what: string, at: number, counted: number | undefined, isUp: boolean, expected: string]>([
    ['a sweep of just now', 0, undefined, true, 'fresh'],
    ['a sweep two rates ago', 10, undefined, true, 'fresh'],
    ['a sweep longer ago', 10.1, undefined, true, 'stale'],
    ['a sweep six rates ago', 30, undefined, true, 'stale'],
    ['a sweep longer ago than six rates', 30.1, undefined, true, 'nothing_known'],
    ["yesterday's", 1440, undefined, true, 'nothing_known'],
    ['a clock that is behind', -5, undefined, true, 'fresh'],
    ['no broker, and verdicts of a while ago', 0, 29, false, 'fresh'],
    ['no broker, and verdicts of long ago', 0, 31, false, 'fresh, no guests'],
    ['no broker from the first sweep on', 0, undefined, false, 'fresh, no guests'],
  ])('%s', (_what, at, counted, isUp, expected) => {
    const state = {
      ...STATE,
      sweep: { ...STATE.sweep, at: minutesAgo(at), broker_reachable: isUp },
      ...(counted !== undefined && { counted_at: minutesAgo(counted) }),
    };
    const outcome = () => {
      try {
        const { isStale, guests } = statusOf(state);
        return (isStale ? 'stale' : 'fresh') + (guests ? '' : ', no guests');
      } catch (error) {
        return Object(error).code;
      }
    };
    expect(outcome()).toBe(expected);
  });
});

describe('metrics', () => {
  const status = statusOf(STATE);
  const openMetrics = text(metricsText(status, status.guests, 'openmetrics'));
  const prometheus = text(metricsText(status, status.guests, 'prometheus'));

  test('the samples are the same in both formats', () => {
    const samples = (all: string) => all.split('\n').filter((line) => !line.startsWith('#'));
    expect(samples(openMetrics)).toEqual(samples(prometheus));
    expect(prometheus).toContain('# TYPE rpc_ping_reachable gauge\n');
    expect(prometheus).not.toMatch(/# (?:UNIT|EOF)/);
    expect(openMetrics).toContain('# UNIT rpc_ping_since_seconds seconds\n');
    expect(openMetrics.endsWith('\n# EOF\n')).toBe(true);
  });

  test('the samples', () => {
    const samples = prometheus.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(samples).toEqual([
      `rpc_ping_sweep_timestamp_seconds ${(NOW_MS - 40_000) / 1000}`,
      'rpc_ping_sweep_duration_seconds 1.84',
      'rpc_ping_sweep_complete 1',
      'rpc_ping_state_stale 0',
      'rpc_ping_broker_reachable 1',
      'rpc_ping_guests{state="reachable"} 2',
      'rpc_ping_guests{state="unreachable"} 1',
      ...['unknown', 'muted', 'expected_silent', 'new', 'abandoned'].map(
        (state) => `rpc_ping_guests{state="${state}"} 0`,
      ),
      'rpc_ping_guests{state="orphaned"} 1',
      'rpc_ping_control_plane_reachable{topic="taskmanager"} 0',
      `rpc_ping_reachable{instance_id="${instance(1)}",name="a \\"b\\"\\\\\\n"} 1`,
      `rpc_ping_reachable{instance_id="${instance(2)}",reason="no_consumer",counted_apart="expected_silent"} 0`,
      `rpc_ping_reachable{instance_id="${instance(3)}",name="orders",project="5f2b0c1e9a3d4e7f8a6b1c2d3e4f5a6b",hypervisor="compute-7",reason="no_reply"} 0`,
      `rpc_ping_reachable{instance_id="${instance(5)}"} 1`,
      `rpc_ping_since_seconds{instance_id="${instance(2)}"} ${(NOW_MS - 180_000) / 1000}`,
      `rpc_ping_since_seconds{instance_id="${instance(3)}"} ${(NOW_MS - 720_000) / 1000}`,
      `rpc_ping_round_trip_seconds{instance_id="${instance(1)}"} 0.0019`,
      `rpc_ping_round_trip_seconds{instance_id="${instance(5)}"} 0.02`,
    ]);
  });

  test('a fleet whose guests are not known has totals alone', () => {
    const unknown = text(metricsText(status, undefined, 'openmetrics'));
    expect(unknown).toContain('rpc_ping_guests{state="reachable"} 2');
    expect(unknown).not.toMatch(/^rpc_ping_reachable\{/m);
  });
});

describe('JSON', () => {
  test.each([
    ['guests', statusOf(STATE).guests],
    ['no guest', []],
    ['guests that are not known', undefined],
  ])('%s', (_what, guests) => {
    const status = statusOf(STATE);
    expect(JSON.parse(text(fleetJson(status, guests)))).toEqual({
      sweep: STATE.sweep,
      stale: false,
      control_plane: STATE.control_plane,
      mutes: [MUTE],
      guests: guests ? JSON.parse(JSON.stringify(guests)) : null,
    });
  });
});

describe('targets', () => {
  const guests = statusOf(STATE).guests ?? [];
  const url = 'https://x.example';
  const path = (tenant: string, id: string) => `${url}/v1.0/${tenant}/mgmt/instances/${id}/rpc_ping`;

  test("the ping of each guest, for the caller's project", () => {
    const all = JSON.parse(text(pingTargets(guests, { url, projectId: 'a/b' })));
    expect(all).toHaveLength(4);
    expect(all[2]).toEqual({
      targets: [path('a%2Fb', instance(3))],
      labels: {
        __meta_trove_instance_id: instance(3),
        __meta_trove_name: 'orders',
        __meta_trove_project: '5f2b0c1e9a3d4e7f8a6b1c2d3e4f5a6b',
        __meta_trove_hypervisor: 'compute-7',
      },
    });
  });

  test("without Keystone, for the guest's own project where that is known", () => {
    const all = JSON.parse(text(pingTargets(guests, { url, projectId: undefined })));
    const targets = all.map(({ targets: [target] }: { targets: string[] }) => target);
    expect(targets[1]).toBe(path('-', instance(2)));
    expect(targets[2]).toBe(path('5f2b0c1e9a3d4e7f8a6b1c2d3e4f5a6b', instance(3)));
  });

  test('no guest', () => {
    expect(JSON.parse(text(pingTargets([], { url, projectId: undefined })))).toEqual([]);
  });
});
