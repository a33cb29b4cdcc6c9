import { expect, test } from '@jest/globals';
import { applySweep } from '../../functions/changes/apply-sweep.ts';
import type { FleetState } from '../../functions/changes/fleet-state.ts';
import { withMutes } from '../../functions/changes/mutes.ts';
import { notice } from '../../functions/changes/notice.ts';
import type { Verdict } from '../../functions/sweep/sweep.ts';
import { RULES, resultOf } from './results.ts';

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const START = Date.UTC(2026, 10, 10);
const HOUR = 3_600_000;
const UP: Verdict = { reachable: true, roundTripMs: 1 };
const DEAD: Verdict = { reachable: false, reason: 'queue_missing', cause: '' };

/** Sweeps each hour. @param isDown whether a guest (1 to 20) is down at that hour */
function notices(hours: number, isDown: (guest: number, hour: number) => boolean, rules = RULES): string[] {
  const found: string[] = [];
  let state: FleetState | undefined;
  for (let hour = 0; hour < hours; hour++) {
    const endedAt = new Date(START + hour * HOUR);
    const guests = Array.from({ length: 20 }, (_, n) => n + 1);
    const verdicts = Object.fromEntries(guests.map((n) => [id(n), isDown(n, hour) ? DEAD : UP]));
    const applied = applySweep(state, resultOf(verdicts, { endedAt }), rules);
    state = applied.state;
    const sentence = notice(applied, endedAt);
    if (sentence)
      found.push(`${String(hour).padStart(3)} h: ${sentence.replaceAll(/0{8}-0000-4000-8000-0+/g, '')}`);
  }
  return found;
}

test('a guest that stays away is reminded of once a day until it is abandoned, and that is the last of it', () => {
  const reminders = [1, 2, 3, 4, 5, 6].map(
    (days) =>
      `${String(1 + days * 24).padStart(3)} h: 1 guest is still unreachable: 1 by queue_missing (7 for ${days} d).`,
  );
  expect(notices(24 * 14, (guest, hour) => guest === 7 && hour >= 1)).toEqual([
    '  2 h: 1 guest became unreachable: 7 (queue_missing, since 01:00 UTC).',
    ...reminders,
    '169 h: 1 guest has been unreachable for so long that it counts as abandoned (this is the last reminder): 7 (queue_missing, since 2026-11-10 01:00 UTC).',
  ]);
});

test('one reminder a day names the longest first, whenever they died, and counts the others', () => {
  const isDown = (guest: number, hour: number) => guest <= 5 && hour >= guest;
  const [first, second, ...more] = notices(70, isDown).filter((sentence) => sentence.includes('still'));
  expect(first).toBe(
    ' 25 h: 5 guests are still unreachable: 5 by queue_missing (1 for 1 d, 2 for 23 h, 3 for 22 h and 2 more).',
  );
  expect(second).toMatch(/^ 49 h: 5 guests are still unreachable/);
  expect(more).toEqual([]);
});

test.each([
  ['never', 0, []],
  ['after two days', 48, [49, 73]],
])('%s, where that is set', (_what, hours, at) => {
  const rules = { ...RULES, remindAfterMs: hours * HOUR };
  const all = notices(90, (guest, hour) => guest === 7 && hour >= 1, rules);
  const reminders = all.filter((sentence) => sentence.includes('still'));
  expect(reminders.map((sentence) => Number.parseInt(sentence, 10))).toEqual(at);
});

test('a clock that was set back keeps nobody from the next reminder', () => {
  const at = new Date(START + 48 * HOUR);
  const before = applySweep(
    undefined,
    resultOf({ [id(1)]: DEAD, [id(2)]: UP }, { endedAt: new Date(START) }),
    RULES,
  );
  const again = applySweep(before.state, resultOf({ [id(1)]: DEAD, [id(2)]: UP }, { endedAt: at }), RULES);
  const state = { ...again.state, reminded_at: new Date(START + 9000 * HOUR).toISOString() };
  const { reminder } = applySweep(state, resultOf({ [id(1)]: DEAD, [id(2)]: UP }, { endedAt: at }), RULES);
  expect(reminder?.guests).toBe(1);
});

test('what is muted is in no reminder, and the end of its mute is one', () => {
  const down = resultOf({ [id(1)]: DEAD, [id(2)]: UP });
  const sweep = (state: FleetState | undefined, hours: number) =>
    applySweep(
      state,
      { ...down, startedAt: at(hours), endedAt: at(hours), failedAt: () => at(hours) },
      RULES,
    );
  const at = (hours: number) => new Date(START + hours * HOUR);
  let { state } = sweep(sweep(sweep(undefined, 0).state, 1).state, 2);
  state = withMutes(state, { mute: { target: id(1), for: 30 * HOUR } }, at(2));
  const seen = [25, 31.9, 32, 33, 57].map((hours) => {
    const applied = sweep(state, hours);
    state = applied.state;
    return [hours, applied.changes.map(({ change }) => change), applied.reminder?.guests];
  });
  expect(seen).toEqual([
    [25, [], undefined],
    [31.9, [], undefined],
    [32, ['mute_ended'], undefined],
    [33, [], undefined],
    [57, [], 1],
  ]);
});

test('by reason and hypervisor, five groups, with the names that are known', () => {
  const guests = Array.from({ length: 14 }, (_, n) => id(n));
  const trove = {
    isFresh: true,
    instances: new Map(
      guests.map((guest, n) => [
        guest,
        { id: guest, name: `db-${n}`, projectId: 'p', status: 'ACTIVE', hypervisor: `compute-${n % 7}` },
      ]),
    ),
  };
  const verdicts = Object.fromEntries(guests.map((guest) => [guest, DEAD]));
  let state: FleetState | undefined;
  for (const hours of [0, 1, 24]) {
    const endedAt = new Date(START + hours * HOUR);
    const applied = applySweep(state, resultOf(verdicts, { endedAt, trove }), RULES);
    state = applied.state;
    if (hours < 24) continue;
    expect(applied.reminder?.groups).toHaveLength(5);
    const sentence = notice(applied, endedAt) ?? '';
    expect(sentence).toContain(
      `14 guests are still unreachable: 2 by queue_missing on compute-0 (db-0 ${id(0)} for 1 d, db-7 ${id(7)} for 1 d), 2 by`,
    );
    expect(sentence).toMatch(/ and 4 more\.$/);
  }
});
