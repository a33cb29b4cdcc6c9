import { describe, expect, test } from '@jest/globals';
import type { Verdict } from '../../functions/sweep/sweep.ts';
import { tally } from '../../functions/sweep/sweep-result.ts';
import { resultOf } from '../changes/results.ts';

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const silent = (consumers: number, messages: number): Verdict => ({
  reachable: false,
  reason: consumers === 0 ? 'no_consumer' : 'no_reply',
  cause: 'silence',
  queue: { consumers, messages },
});
const queueless: Verdict = { reachable: false, reason: 'queue_missing', cause: 'no queue' };
const unbound: Verdict = { ...queueless, queue: { consumers: 1, messages: 0 } };
const answered = (roundTripMs: number): Verdict => ({ reachable: true, roundTripMs });
const keyless: Verdict = { reachable: 'unknown', cause: 'The secret keys/1 cannot be read: AccessDenied' };
const blocked = { reachable: false, reason: 'broker_blocked', cause: 'memory alarm' } as const;

describe('the result of a sweep', () => {
  test('the unreachable stand worst first, the round trips in ascending order, each guest counted once', () => {
    const result = resultOf(
      {
        [id(1)]: silent(1, 0),
        [id(2)]: answered(3),
        [id(3)]: silent(0, 1),
        [id(4)]: silent(0, 9),
        [id(5)]: answered(1),
        [id(7)]: { reachable: true, roundTripMs: 2, encrypted: false },
        [id(8)]: { reachable: true, roundTripMs: 4, consumers: 2 },
      },
      { unreached: [id(6)] },
    );
    const { totals, unreachable } = tally(result, new Map([[id(3), 'new']]));
    expect(unreachable.map((guest) => guest.id)).toEqual([id(4), id(1)]);
    expect([...result.roundTripsMs]).toEqual([1, 2, 3, 4]);
    const apart = { new: 1, abandoned: 0, expected_silent: 0, orphaned: 0, muted: 0 };
    const doubtful = { guests_unencrypted: 1, guests_with_several_consumers: 1 };
    expect(totals).toEqual({ checked: 7, reachable: 4, unreachable: 2, unknown: 1, ...apart, ...doubtful });
  });

  test.each([
    ['every guest has a verdict', resultOf({ [id(1)]: silent(1, 0) }), undefined],
    ['time was short', resultOf({}, { unreached: [id(1)] }), 'out_of_time'],
    ['a key could not be read', resultOf({ [id(1)]: keyless }), 'key_unreadable'],
    [
      'the broker failed',
      resultOf({}, { unreached: [id(1)], end: { kind: 'broker_failed', failure: blocked } }),
      'broker_blocked',
    ],
    ['there is nobody', resultOf({}), 'fleet_empty'],
    [
      'nobody could be listed',
      resultOf({}, { origin: { from: 'nowhere', problem: 'refused' } }),
      'fleet_unknown',
    ],
    [
      'guests have queues that are not bound to the exchange',
      resultOf({ [id(1)]: unbound, [id(2)]: queueless }, { origin: { from: 'queues' } }),
      'queue_missing',
    ],
  ])('where %s, the error says so', (_what, { error, isBrokerReachable }, code) => {
    expect(error?.code).toBe(code);
    expect(isBrokerReachable).toBe(code !== 'broker_blocked' && code !== 'queue_missing');
  });
});
