import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { GuestState } from '../../functions/changes/fleet-state.ts';
import { REASONS, type Reason } from '../../functions/guest/reason.ts';
import { overviewOf } from '../../functions/page/overview.ts';
import { instance, stateOf, unreachable } from './states.ts';

const NAMES = Object.keys(REASONS) as Reason[];

const guest = fc
  .record({
    reason: fc.constantFrom(...NAMES),
    minutes: fc.nat(10_000),
    sweeps: fc.nat(2),
    reported: fc.constantFrom('nothing', 'unreachable', 'flapping'),
  })
  .map(({ reason, minutes, ...more }): GuestState => unreachable(reason, minutes, more));
const totals = fc.record({ checked: fc.nat(50), reachable: fc.nat(50), unknown: fc.nat(50) });

test('each guest is counted once, whatever the last sweep has left without a verdict', () => {
  fc.assert(
    fc.property(fc.array(guest, { maxLength: 60 }), totals, (all, sweep) => {
      const guests = Object.fromEntries(all.map((one, index) => [instance(index), one]));
      const { counts, unreachable: groups, recovering } = overviewOf(stateOf(guests, 0, sweep));
      const { total, ...kinds } = counts;
      for (const count of Object.values(kinds)) expect(count).toBeGreaterThanOrEqual(0);
      expect(kinds.unreachable + kinds.recovering + kinds.apart + kinds.unknown + kinds.reachable).toBe(
        total,
      );
      expect(total).toBeGreaterThanOrEqual(sweep.checked + sweep.unknown);
      expect([...groups.values()].flat()).toHaveLength(kinds.unreachable);
      expect(recovering).toHaveLength(kinds.recovering);
    }),
  );
});

test('the reasons come worst first, and in each the guest that became unreachable last', () => {
  const all = [...NAMES].reverse().flatMap((reason) => [unreachable(reason, 9), unreachable(reason, 3)]);
  const { unreachable: groups } = overviewOf(
    stateOf(Object.fromEntries(all.map((one, index) => [instance(index), one])), 0),
  );
  expect([...groups.keys()]).toEqual(NAMES);
  for (const [newest, oldest] of groups.values())
    expect(Date.parse(newest?.since ?? '')).toBeGreaterThan(Date.parse(oldest?.since ?? ''));
});
