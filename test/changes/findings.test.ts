import { expect, test } from '@jest/globals';
import { findingsOf } from '../../functions/changes/findings.ts';
import { type Origin, summarize } from '../../functions/sweep/summary.ts';
import { Sweep, type SweepEnd } from '../../functions/sweep/sweep.ts';
import { Deadline } from '../../functions/time/deadline.ts';

const GUEST = '00000000-0000-4000-8000-000000000001';
const GONE = '00000000-0000-4000-8000-000000000002';
const NOW = new Date('2026-11-24T14:05:11.000Z');

function found(origin: Origin, end: SweepEnd = { kind: 'complete' }) {
  const sweep = new Sweep([GUEST], async () => ({ reachable: true, roundTripMs: 1 }), Deadline.never);
  const request = { instanceIds: undefined, malformed: [], duplicates: [] };
  return findingsOf(summarize(sweep, request, origin, undefined, 1000), sweep, end, NOW);
}

test.each<Origin>([
  { guests_from: 'event' },
  { guests_from: 'last_list', list_age_ms: 1000, list_problem: 'refused' },
  { guests_from: 'queues', list_problem: 'The bindings cannot be listed' },
  { guests_from: 'nowhere' },
])('a sweep whose guests are from %j does not say of any guest that it is no longer bound', (origin) => {
  expect(found(origin).isBound).toBeUndefined();
});

test.each<Origin>([{ guests_from: 'bindings' }, { guests_from: 'queues' }])(
  'a sweep whose guests are from %j says which guests are bound, those without a verdict too',
  (origin) => {
    const { isBound } = found(origin);
    expect([isBound?.(GUEST), isBound?.(GONE)]).toEqual([true, false]);
  },
);

test('a sweep that the broker ended, or without guests, says nothing of guests', () => {
  const failure = { reachable: false, reason: 'broker_blocked', cause: 'blocked' } as const;
  expect(found({ guests_from: 'bindings' }).isOfGuests).toBe(true);
  expect(found({ guests_from: 'bindings' }, { kind: 'out_of_time' }).isOfGuests).toBe(true);
  expect(found({ guests_from: 'bindings' }, { kind: 'broker_failed', failure }).isOfGuests).toBe(false);
  expect(found({ guests_from: 'nowhere' }).isOfGuests).toBe(false);
});
