import { describe, expect, test } from '@jest/globals';
import { applySweep } from '../../functions/changes/apply-sweep.ts';
import { type FleetState, parseFleetState } from '../../functions/changes/fleet-state.ts';
import { muteList, muteOf, readMuteRequest, withMutes } from '../../functions/changes/mutes.ts';
import { notice } from '../../functions/changes/notice.ts';
import type { Reason } from '../../functions/guest/reason.ts';
import type { Verdict } from '../../functions/sweep/sweep.ts';
import { RULES, resultOf } from './results.ts';

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const GUEST = id(1);
const START = Date.UTC(2026, 10, 24);
const HOUR = 3_600_000;
const TROVE = {
  isFresh: true,
  instances: new Map(
    Array.from({ length: 9 }, (_, n) => [
      id(n),
      { id: id(n), name: `db-${n}`, projectId: 'p', status: 'ACTIVE', hypervisor: `compute-${n % 3}` },
    ]),
  ),
};

/** A fleet of nine, on a clock that the test moves; of the guest {@link GUEST}, people read what is collected here. */
class Operator {
  state: FleetState | undefined;
  readonly notices: string[] = [];

  sweep(hours: number, reasons: Readonly<Record<string, Reason>> = {}) {
    const verdictOf = (guest: string): Verdict => {
      const reason = reasons[guest];
      if (reason !== 'no_consumer' && reason !== 'no_reply') return { reachable: true, roundTripMs: 1 };
      return { reachable: false, reason, cause: '', queue: { consumers: 0, messages: 0 } };
    };
    const endedAt = new Date(START + hours * HOUR);
    const before = this.state && parseFleetState(JSON.stringify(this.state));
    const verdicts = Object.fromEntries(
      [...TROVE.instances.keys()].map((guest) => [guest, verdictOf(guest)]),
    );
    const applied = applySweep(before, resultOf(verdicts, { endedAt, trove: TROVE }), RULES);
    this.state = applied.state;
    const sentence = notice(applied, endedAt);
    if (sentence) this.notices.push(sentence.replaceAll(` ${GUEST}`, ''));
    return applied;
  }

  ask(hours: number, event: object): void {
    const request = readMuteRequest(event);
    if (this.state && request) this.state = withMutes(this.state, request, new Date(START + hours * HOUR));
  }
}

const down = { [GUEST]: 'no_consumer' } as const;

describe('a muted guest', () => {
  test.each(['all', GUEST, 'no_consumer', 'compute-1'])(
    'that dies is told of nowhere, muted as %s',
    (target) => {
      const operator = new Operator();
      operator.sweep(0);
      operator.ask(0, { mute: { target, for: '2h' } });
      for (const hours of [0.5, 1, 1.5]) {
        const { tally } = operator.sweep(hours, down);
        expect(tally.totals).toMatchObject({ unreachable: 0, muted: 1, checked: 9 });
      }
      expect(operator.notices).toEqual([]);
      expect(operator.state?.guests[GUEST]).toMatchObject({
        counted_apart: 'muted',
        reported: 'unreachable',
      });
      operator.sweep(2.5, down);
      expect(operator.notices).toEqual([
        '1 guest is still unreachable, and no longer muted: db-1 (no_consumer, since 00:30 UTC).',
      ]);
      operator.sweep(3);
      expect(operator.notices[1]).toBe('1 guest is reachable again: db-1 (after 2 h 30 min).');
    },
  );

  test.each([id(2), 'no_reply', 'compute-2', 'queue_missing'])(
    'is another one where %s is muted',
    (target) => {
      const operator = new Operator();
      operator.sweep(0);
      operator.ask(0, { mute: { target, for: '2h' } });
      for (const hours of [0.5, 1]) operator.sweep(hours, down);
      expect(operator.notices).toHaveLength(1);
    },
  );

  test('that returns is noted quietly, also with the first sweep after', () => {
    for (const back of [2, 4]) {
      const operator = new Operator();
      operator.sweep(0);
      operator.ask(0, { mute: { target: GUEST, for: '3h' } });
      for (const hours of [0.5, 1]) operator.sweep(hours, down);
      const { changes, state } = operator.sweep(back);
      expect([changes, state.unfiled?.at(-1)]).toMatchObject([[], { change: 'reachable', muted: true }]);
      for (const hours of [5, 6]) operator.sweep(hours, down);
      expect(operator.notices).toEqual(['1 guest became unreachable: db-1 (no_consumer, since 05:00 UTC).']);
    }
  });

  test('that had been told of is told of again when the mute is taken back', () => {
    const operator = new Operator();
    operator.sweep(0);
    for (const hours of [0.5, 1]) operator.sweep(hours, down);
    operator.ask(1, { mute: { target: GUEST, for: '30d', note: 'disk', author: 'ann' } });
    for (const hours of [1.5, 400]) expect(operator.sweep(hours, down).changes).toEqual([]);
    expect(operator.state?.mutes).toMatchObject([{ target: GUEST, note: 'disk', author: 'ann' }]);
    operator.ask(400, { unmute: GUEST });
    operator.sweep(401, down);
    expect(operator.notices[1]).toMatch(
      /^1 guest has been unreachable for so long that it counts as abandoned/,
    );
  });

  test('whose failure has another reason than the muted one is told of', () => {
    const operator = new Operator();
    operator.sweep(0);
    operator.ask(0, { mute: { target: 'no_consumer', for: '9h' } });
    for (const hours of [0.5, 1]) operator.sweep(hours, down);
    operator.sweep(2, { [GUEST]: 'no_reply' });
    expect(operator.notices).toEqual([
      '1 guest is still unreachable, and no longer muted: db-1 (no_reply, since 00:30 UTC).',
    ]);
  });

  test('is no loss of the fleet', () => {
    const operator = new Operator();
    operator.sweep(0);
    operator.ask(0, { mute: { target: 'all', for: '9h' } });
    const { error } = operator.sweep(1, Object.fromEntries([1, 2, 3, 4, 5].map((n) => [id(n), 'no_reply'])));
    expect(error).toBeUndefined();
  });
});

describe('mutes', () => {
  test('a mute that has ended is dropped by the next sweep, and one of the same target is replaced', () => {
    const operator = new Operator();
    operator.sweep(0);
    operator.ask(0, { mute: { target: 'all', for: '1h' } });
    operator.ask(0, { mute: { target: 'all', for: '2h' } });
    operator.ask(0, { mute: { target: 'compute-1', for: '5h' } });
    expect(operator.state?.mutes).toHaveLength(2);
    operator.sweep(3, down);
    expect(operator.state?.mutes?.map(({ target }) => target)).toEqual(['compute-1']);
    const [mute] = operator.state ? muteList(operator.state, new Date(START + 3 * HOUR)).mutes : [];
    expect(mute).toEqual({
      target: 'compute-1',
      from: '2026-11-24T00:00:00.000Z',
      until: '2026-11-24T05:00:00.000Z',
      guests: 1,
      matched: 3,
    });
  });

  test('the end of a guest that several mutes concern is the last of theirs', () => {
    const operator = new Operator();
    operator.sweep(0);
    operator.ask(0, { mute: { target: GUEST, for: '1h' } });
    operator.ask(0, { mute: { target: 'compute-1', for: '3h' } });
    expect(muteOf(operator.state?.mutes, GUEST, { hypervisor: 'compute-1' }, new Date(START))?.target).toBe(
      'compute-1',
    );
    for (const hours of [0.5, 2, 2.5]) operator.sweep(hours, down);
    expect(operator.notices).toEqual([]);
    operator.sweep(3.5, down);
    expect(operator.notices).toHaveLength(1);
  });

  test('a mute whose end lies further ahead than any may have, since a clock was wrong, is none', () => {
    const operator = new Operator();
    operator.sweep(0);
    operator.ask(9000, { mute: { target: 'all', for: '30d' } });
    for (const hours of [1, 2]) operator.sweep(hours, down);
    expect(operator.notices).toHaveLength(1);
  });

  test.each<[event: object, message: RegExp]>([
    [{ mute: { target: 'all' } }, /^mute.for: .*such as 30m/],
    [{ mute: { target: 'all', for: '1e9h' } }, /such as 30m/],
    [{ mute: { target: 'all', for: '-1h' } }, /such as 30m/],
    [{ mute: { target: 'all', for: '' } }, /such as 30m/],
    [{ mute: { for: '2h' } }, /^mute.target: an instance's id, a reason, a hypervisor, or all/],
    [{ mute: { target: ' ', for: '2h' } }, /^mute.target: an instance's id/],
    [{ mute: { target: 'all', for: '31d' } }, /at most 30d/],
    [{ mute: { target: 'all', for: '0h' } }, /such as 30m/],
    [{ mute: { target: 'all', for: '2' } }, /such as 30m/],
    [{ mute: { target: GUEST.toUpperCase().replace('8', 'A'), for: '2h' } }, /UUID in lower case/],
    [{ mute: { target: 'all', for: '2h', note: 'x'.repeat(201) } }, /^mute.note: longer than 200 characters/],
    [{ unmute: 7 }, /^unmute: not a text/],
    [{ mute: { target: 'all', for: '2h' }, unmute: 'all' }, /^mute and unmute do not go together/],
    [{ mutes: true, forget: [GUEST] }, /^mutes and forget do not go together/],
    [{ unmute: 'all', instance_ids: [GUEST] }, /^unmute and instance_ids do not go together/],
  ])('%j is refused by its name', (event, message) => {
    expect(() => readMuteRequest(event)).toThrow(message);
  });

  test.each([
    ['ALL', 'all'],
    ['No_Consumer', 'no_consumer'],
    ['Compute-1', 'Compute-1'],
  ])('the target %s is %s', (target, meant) => {
    expect(readMuteRequest({ unmute: target })).toEqual({ unmute: meant });
  });

  test('what is not muted cannot be unmuted, and no more than a hundred mutes are taken', () => {
    const operator = new Operator();
    operator.sweep(0);
    expect(() => operator.ask(0, { unmute: 'all' })).toThrow('There is no mute of all; the mutes are: none');
    operator.ask(0, { mute: { target: 'all', for: '1h' } });
    expect(() => operator.ask(0, { unmute: GUEST })).toThrow(
      `There is no mute of ${GUEST}; the mutes are: all`,
    );
    operator.ask(0, { unmute: ' all ' });
    for (let n = 0; n < 100; n++) operator.ask(0, { mute: { target: `host-${n}`, for: '1h' } });
    expect(() => operator.ask(0, { mute: { target: 'one-more', for: '1h' } })).toThrow('100 mutes');
  });
});
