import { describe, expect, test } from '@jest/globals';
import { applySweep, forget } from '../../functions/changes/apply-sweep.ts';
import { described, type FleetState, parseFleetState } from '../../functions/changes/fleet-state.ts';
import { notice } from '../../functions/changes/notice.ts';
import { RememberedGuests } from '../../functions/changes/remembered-guests.ts';
import { StateUnavailable } from '../../functions/store/state-store.ts';
import type { Verdict } from '../../functions/sweep/sweep.ts';
import type { SweepRun } from '../../functions/sweep/sweep-result.ts';
import { RULES, resultOf } from './results.ts';

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const ALL = [id(1), id(2), id(3), id(4), id(5)] as const;
const [A, B, C, D, E] = ALL;
const UP: Verdict = { reachable: true, roundTripMs: 1 };
const DEAD: Verdict = {
  reachable: false,
  reason: 'no_consumer',
  cause: '',
  queue: { consumers: 0, messages: 0 },
};
const GONE: Verdict = { reachable: false, reason: 'queue_missing', cause: '' };
const NO_VERDICT: Verdict = { reachable: 'unknown', cause: 'no key' };
const HOUR = 3_600_000;

/** A fleet whose sweeps are so many hours after the first. */
class History {
  state: FleetState | undefined;

  sweep(hours: number, verdicts: Readonly<Record<string, Verdict>>, run: Partial<SweepRun> = {}) {
    const endedAt = new Date(Date.UTC(2026, 10, 24) + hours * HOUR);
    const before = this.state && parseFleetState(JSON.stringify(this.state));
    const applied = applySweep(before, resultOf(verdicts, { endedAt, ...run }), RULES);
    this.state = applied.state;
    const changes = applied.changes.map(({ instance_id: guest, change }) => [guest, change]);
    return { ...applied, endedAt, said: changes, totals: applied.tally.totals };
  }

  get remembered() {
    return new RememberedGuests(this.state && { state: this.state }, []);
  }
}

const allUp = { [A]: UP, [B]: UP, [C]: UP, [D]: UP, [E]: UP };

describe('a guest that was once seen', () => {
  test('a guest that answered is remembered, whatever the broker knows later', () => {
    const history = new History();
    history.sweep(0, allUp);
    expect([...history.remembered]).toEqual(ALL);
    history.sweep(1, { ...allUp, [A]: DEAD });
    history.sweep(2, { ...allUp, [A]: GONE });
    expect([...history.remembered]).toContain(A);
    expect(history.state?.guests[A]?.since).toBe('2026-11-24T01:00:00.000Z');
  });

  test('a guest that nobody listens for is asked about first, and one without a queue is pinged', () => {
    const history = new History();
    history.sweep(0, { ...allUp, [A]: DEAD, [B]: GONE });
    expect(ALL.filter((guest) => history.remembered.hasNoConsumer(guest))).toEqual([A]);
    expect(ALL.filter((guest) => history.remembered.isAlive(guest))).toEqual([C, D, E]);
  });

  test('a guest that an operator has forgotten is remembered no more', () => {
    const history = new History();
    history.sweep(0, { ...allUp, [A]: DEAD });
    const { state } = history;
    const left = state && forget(state, [A, B]);
    expect([...new RememberedGuests(left && { state: left }, [])]).toEqual([C, D, E]);
    expect([...new RememberedGuests(state && { state }, [A, B])]).toEqual([C, D, E]);
  });

  test('a guest to forget that no sweep has seen is named, unless the state cannot be read', () => {
    const history = new History();
    history.sweep(0, { ...allUp, [A]: DEAD });
    const saved = history.state && { state: history.state };
    expect(new RememberedGuests(saved, [A, B, id(9)]).unseen).toEqual([id(9)]);
    expect(new RememberedGuests(new StateUnavailable('no', 'way'), [id(9)]).unseen).toEqual([]);
  });

  test('a mistyped guest of an event is no part of the fleet', () => {
    const history = new History();
    history.sweep(0, allUp);
    history.sweep(1, { [id(9)]: GONE }, { origin: { from: 'event' } });
    expect([...history.remembered]).not.toContain(id(9));
    expect(history.state?.guests).toEqual({});
  });

  test('a guest that is unreachable for long is abandoned, which is reported once, and reachable when it answers', () => {
    const history = new History();
    const one = { ...allUp, [A]: DEAD };
    history.sweep(0, allUp);
    history.sweep(1, one);
    expect(history.sweep(2, one)).toMatchObject({ said: [[A, 'unreachable']], totals: { unreachable: 1 } });
    expect(history.sweep(168, one).said).toEqual([]);
    const late = history.sweep(169, one);
    expect(late).toMatchObject({ said: [[A, 'abandoned']], totals: { unreachable: 0, abandoned: 1 } });
    expect(history.sweep(170, one)).toMatchObject({ said: [], totals: { abandoned: 1 } });
    expect([...history.remembered]).toContain(A);
    expect(history.sweep(171, allUp)).toMatchObject({ said: [[A, 'reachable']], totals: { abandoned: 0 } });
  });
});

describe('a guest that has never answered', () => {
  test('a guest that has never answered is new for an hour, and then unreachable', () => {
    const history = new History();
    history.sweep(0, allUp);
    const booting = { ...allUp, [id(6)]: DEAD };
    for (const hours of [0.1, 0.2, 0.9])
      expect(history.sweep(hours, booting)).toMatchObject({ said: [], totals: { unreachable: 0, new: 1 } });
    expect(history.sweep(1.2, booting)).toMatchObject({
      said: [[id(6), 'unreachable']],
      totals: { unreachable: 1, new: 0 },
    });
  });

  test('a new guest that answers is like any other from then on', () => {
    const history = new History();
    history.sweep(0, allUp);
    history.sweep(0.1, { ...allUp, [id(6)]: DEAD });
    history.sweep(0.2, { ...allUp, [id(6)]: UP });
    history.sweep(0.3, { ...allUp, [id(6)]: DEAD });
    expect(history.sweep(0.4, { ...allUp, [id(6)]: DEAD }).said).toEqual([[id(6), 'unreachable']]);
  });

  test('where no guest was known before, a silent one is not new', () => {
    const history = new History();
    expect(history.sweep(0, { [A]: DEAD, [B]: UP }).totals).toMatchObject({ unreachable: 1, new: 0 });
  });
});

describe('a fleet that shrinks', () => {
  test('a fleet of which more than a fifth ceases to answer has shrunk, once, until it is back', () => {
    const history = new History();
    history.sweep(0, allUp);
    const gone = { ...allUp, [A]: GONE, [B]: GONE, [C]: GONE };
    const shrunk = history.sweep(1, gone);
    expect(shrunk.error).toMatchObject({
      code: 'fleet_shrank',
      message: '5 guests answered before 01:00 UTC, now 2 do',
    });
    expect(notice(shrunk, shrunk.endedAt)).toBe('3 of 5 guests that answered before do not answer.');
    const still = history.sweep(2, gone);
    expect(still.error?.code).toBe('fleet_shrank');
    expect(notice(still, still.endedAt)).toMatch(/^3 guests became unreachable/);
    expect(history.sweep(3, allUp).error).toBeUndefined();
  });

  test.each([
    ['one guest of four', { [A]: UP, [B]: UP, [C]: UP, [D]: UP }, { [A]: DEAD }],
    ['two guests of five', allUp, { [A]: DEAD, [B]: DEAD }],
  ])('%s that die are unreachable guests, and no fleet that shrank', (_, fleet, dead) => {
    const history = new History();
    history.sweep(0, fleet);
    expect(history.sweep(1, { ...fleet, ...dead }).error).toBeUndefined();
  });

  test('a fleet that falls to 0 has shrunk, however small it was', () => {
    const history = new History();
    history.sweep(0, { [A]: UP, [B]: UP });
    expect(history.sweep(1, { [A]: DEAD, [B]: DEAD }).error?.code).toBe('fleet_shrank');
    expect(history.sweep(2, { [A]: UP, [B]: DEAD }).error).toBeUndefined();
  });

  test('an empty fleet that has never had a guest has not shrunk', () => {
    const history = new History();
    expect(history.sweep(0, {}).error?.code).toBe('fleet_empty');
    expect(history.sweep(1, {}).state.shrunk).toBeUndefined();
  });
});

describe('two sweeps at a time', () => {
  test('an older sweep that ends last changes nothing of what the newer one has seen', () => {
    const history = new History();
    history.sweep(0, allUp);
    history.sweep(1, { ...allUp, [A]: DEAD });
    history.sweep(2, allUp);
    const older = { startedAt: new Date(Date.UTC(2026, 10, 24, 1, 50)) };
    history.sweep(2.1, { ...allUp, [A]: DEAD, [B]: DEAD }, older);
    expect(history.state?.guests[A]?.sweeps).toBe(0);
    expect(history.state?.guests[B]).toBeUndefined();
    expect(history.state?.sweep.at).toBe('2026-11-24T02:00:00.000Z');
  });

  test('a clock that is set back by a day is no older sweep: what it finds counts', () => {
    const history = new History();
    history.sweep(24, allUp);
    history.sweep(25, { ...allUp, [A]: DEAD });
    const { changes } = history.sweep(1, { ...allUp, [A]: DEAD, [B]: DEAD });
    expect(changes.map(({ instance_id: id }) => id)).toEqual([A]);
    expect(history.state?.guests[B]?.sweeps).toBe(1);
    expect(history.state?.sweep.at).toBe('2026-11-24T01:00:00.000Z');
    expect(history.state?.round_trips?.day).toBe('2026-11-24');
  });
});

describe('Trove', () => {
  const listed = (statuses: Record<string, string>, isFresh = true): SweepRun['trove'] => ({
    instances: new Map(
      Object.entries(statuses).map(([guest, status]) => [
        guest,
        { id: guest, name: `db-${guest.at(-1)}`, projectId: 'p', status, hypervisor: 'compute-7' },
      ]),
    ),
    isFresh,
  });
  const active = Object.fromEntries([A, B, C, D, E].map((guest) => [guest, 'ACTIVE']));

  test('a guest whose status explains its silence is expected to be silent for an hour', () => {
    const history = new History();
    history.sweep(0, allUp, { trove: listed(active) });
    const rebooting = { trove: listed({ ...active, [A]: 'REBOOT' }) };
    for (const hours of [1, 1.9])
      expect(history.sweep(hours, { ...allUp, [A]: DEAD }, rebooting)).toMatchObject({
        said: [],
        totals: { unreachable: 0, expected_silent: 1 },
      });
    const late = history.sweep(2.1, { ...allUp, [A]: DEAD }, rebooting);
    expect(late.changes).toMatchObject([{ instance_id: A, name: 'db-1', change: 'unreachable' }]);
    expect(history.state?.guests[A]).toMatchObject({ trove_status: 'REBOOT', hypervisor: 'compute-7' });
  });

  test('a deleted guest leaves, and where its queue is left it is counted as that', () => {
    const history = new History();
    history.sweep(0, allUp);
    for (const hours of [1, 2]) history.sweep(hours, { ...allUp, [A]: DEAD, [B]: GONE });
    const { [A]: _, [B]: __, ...left } = active;
    const run = { trove: listed(left), bound: new Set([A, C, D, E]) };
    expect(history.sweep(3, { ...allUp, [A]: DEAD, [B]: GONE }, run).said).toEqual([]); // a list may lack what is new
    const deleted = history.sweep(4, { ...allUp, [A]: DEAD, [B]: GONE }, run);
    expect(deleted.said).toEqual([
      [A, 'deleted'],
      [B, 'deleted'],
    ]);
    expect(deleted.totals).toMatchObject({ orphaned: 1 });
    expect(new Set(history.remembered)).toEqual(new Set([A, C, D, E]));
    expect(history.sweep(5, { ...allUp, [A]: DEAD, [B]: UP }, run)).toMatchObject({
      said: [],
      totals: { orphaned: 1 },
    });
  });

  test('queues that are down have their broker node in common, without Trove too', () => {
    const history = new History();
    const ids = Array.from({ length: 30 }, (_, index) => id(index));
    const down: Verdict = { reachable: false, reason: 'queue_down', cause: '' };
    const queueNodes = new Map(ids.map((guest, index) => [guest, `rabbit@${index % 3}`]));
    const verdicts = Object.fromEntries(ids.map((guest, index) => [guest, index % 3 === 1 ? down : UP]));
    history.sweep(0, Object.fromEntries(ids.map((guest) => [guest, UP])));
    history.sweep(1, verdicts, { queueNodes });
    const told = history.sweep(2, verdicts, { queueNodes });
    expect(notice(told, told.endedAt)).toMatch(
      /^All 10 unreachable guests have their queue on rabbit@1, since 01:00 UTC; /,
    );
    expect(history.sweep(3, verdicts).state.sweep.common_cause).toBeUndefined();
  });

  test('a guest that answers, and is missing in two lists, is told once', () => {
    const history = new History();
    history.sweep(0, allUp, { trove: listed(active) });
    const { [A]: _, ...left } = active;
    const run = { trove: listed(left) };
    expect(history.sweep(1, allUp, run).said).toEqual([]);
    expect(history.sweep(2, allUp, { trove: listed(left, false) }).said).toEqual([]);
    const told = history.sweep(3, allUp, run);
    expect(told.changes).toEqual([
      { instance_id: A, change: 'unknown_to_trove', since: '2026-11-24T01:00:00.000Z' },
    ]);
    expect(notice(told, told.endedAt)).toBe(
      `1 guest answers, though Trove does not know it: ${A} (since 01:00 UTC).`,
    );
    expect(history.sweep(4, allUp, run).said).toEqual([]);
    expect(history.sweep(5, allUp, { trove: listed(active) }).state.contradicted).toBeUndefined();
  });

  test('a guest that answers, though Trove takes it for dead, is shown with what Trove says', () => {
    const history = new History();
    const run = { trove: listed({ ...active, [A]: 'ERROR', [B]: 'REBOOT' }) };
    for (const hours of [0, 1]) expect(history.sweep(hours, allUp, run).said).toEqual([]);
    expect(history.state?.contradicted).toEqual({
      [A]: {
        since: '2026-11-24T00:00:00.000Z',
        trove_status: 'ERROR',
        lists: 0,
        name: 'db-1',
        project_id: 'p',
        hypervisor: 'compute-7',
      },
    });
    history.sweep(2, { ...allUp, [A]: DEAD }, run);
    expect(history.state?.contradicted).toBeUndefined();
    history.sweep(3, allUp);
    expect(history.state).toHaveProperty('contradicted', undefined);
  });

  test.each<[how: string, verdict: Verdict, left: number]>([
    ['none', { ...DEAD, queue: { consumers: 0, messages: 1000 } }, 0],
    ['each', { reachable: true, roundTripMs: 1234.567 }, 3 * 1024 * 1024],
  ])('the state of 40,000 guests of which %s answers can be read again from S3', (_how, verdict, left) => {
    const ids = Array.from({ length: 40_000 }, (_, index) => id(index));
    const long = (guest: string) => ({
      id: guest,
      name: 'n'.repeat(64),
      projectId: 'p'.repeat(32),
      status: 'RESTART_REQUIRED',
      hypervisor: 'h'.repeat(64),
      datastoreVersion: 'd'.repeat(64),
    });
    const verdicts = Object.fromEntries(ids.map((guest) => [guest, verdict]));
    const trove = { instances: new Map(ids.map((guest) => [guest, long(guest)])), isFresh: true };
    const { state } = applySweep(undefined, resultOf(verdicts, { trove }), {
      ...RULES,
      unreachableAfterSweeps: 1,
    });
    const text = JSON.stringify(state);
    expect(text.length).toBeLessThan(16 * 1024 * 1024 - left);
    const { guests, answered } = parseFleetState(text);
    const { trove_status: status } = guests[id(39_999)] ?? {};
    expect([status, described(answered[id(39_999)])?.name]).toEqual(
      verdict.reachable ? [undefined, 'n'.repeat(64)] : ['RESTART_REQUIRED', undefined],
    );
    const named = Object.values(guests).filter(({ name }) => name !== undefined);
    expect(named).toHaveLength(verdict.reachable ? 0 : 5000);
  });

  test('an answer is kept, with what Trove said of the guest, until the guest is pinged again', () => {
    const history = new History();
    history.sweep(0, allUp, { trove: listed(active) });
    const answer = { round_trip_ms: 1, name: 'db-1', project_id: 'p', hypervisor: 'compute-7' };
    expect(history.state?.answered?.[A]).toEqual(answer);
    history.sweep(1, { ...allUp, [A]: { reachable: true, roundTripMs: 7 }, [B]: NO_VERDICT, [C]: DEAD });
    expect(history.state?.answered?.[A]).toEqual({ ...answer, round_trip_ms: 7 });
    expect(history.state?.answered).toHaveProperty(B);
    expect(history.state?.answered).not.toHaveProperty(C);
    expect(history.state && forget(history.state, [A]).answered).not.toHaveProperty(A);
  });

  test('what Trove said of an instance without a name outlives a list that fails', () => {
    const history = new History();
    const nameless = { id: A, name: '', projectId: 'p', status: 'ACTIVE', hypervisor: 'compute-7' };
    history.sweep(0, allUp, { trove: { instances: new Map([[A, nameless]]), isFresh: false } });
    history.sweep(1, allUp);
    expect(history.state?.answered?.[A]).toEqual({
      round_trip_ms: 1,
      project_id: 'p',
      hypervisor: 'compute-7',
    });
  });

  test('who answers is in the saved text once, also where an older one had it twice', () => {
    const { state } = applySweep(undefined, resultOf({ [A]: UP }), RULES);
    expect(JSON.stringify(state).split(A)).toHaveLength(3); // a day's round trips are the other
    expect(parseFleetState(JSON.stringify(state))).toEqual(state);
    const older = JSON.stringify({ ...state, known: [A], answered: { [A]: 1 } });
    expect(parseFleetState(older)).toEqual(state);
  });

  test('a list that is not whole deletes nobody', () => {
    const history = new History();
    history.sweep(0, allUp);
    const run = { trove: listed({}, false) };
    for (const hours of [1, 2]) history.sweep(hours, { ...allUp, [A]: GONE }, run);
    expect(history.state?.guests[A]).toMatchObject({ reported: 'unreachable' });
  });
});
