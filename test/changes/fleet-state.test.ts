import { expect, test } from '@jest/globals';
import { parseFleetState } from '../../functions/changes/fleet-state.ts';

const ID = '00000000-0000-4000-8000-000000000001';
const at = '2026-11-24T14:05:30.000Z';
const sweep = {
  at,
  checked: 1,
  reachable: 0,
  unreachable: 1,
  unknown: 0,
  broker_reachable: true,
  duration_ms: 7,
  guests_from: 'bindings',
};
const seen = {
  reason: 'no_reply',
  since: at,
  sweeps: 2,
  same_sweeps: 2,
  waiting_messages: 3,
  consumers: null,
};

test('a state of version 1 is read with the names of today', () => {
  const guest = { ...seen, turns: 1, turns_since: at, told: 'unreachable', told_reason: 'no_reply' };
  const read = parseFleetState(JSON.stringify({ version: 1, sweep, guests: { [ID]: guest } }));
  expect(read).toEqual({
    version: 2,
    sweep: { ...sweep, new: 0, abandoned: 0, expected_silent: 0, orphaned: 0, muted: 0 },
    answered: {},
    guests: {
      [ID]: { ...seen, flips: 1, flips_since: at, reported: 'unreachable', reported_reason: 'no_reply' },
    },
  });
  expect(parseFleetState(JSON.stringify(read))).toEqual(read);
});

test('who answered is read from the lists of older releases', () => {
  const [known, recovering, silent] = [1, 2, 3].map((n) => ID.replace(/1$/, String(n)));
  const guest = { ...seen, flips: 1, flips_since: at, reported: 'nothing' };
  const guests = { [`${recovering}`]: { ...guest, sweeps: 0 }, [`${silent}`]: guest };
  const text = JSON.stringify({ version: 2, sweep, guests, known: [known] });
  expect(Object.keys(parseFleetState(text).answered)).toEqual([known, recovering]);
});

test.each([
  ['a moment that is none', { since: '2026-13-24T14:05:30.000Z' }, 'guests.*.since'],
  ['a reason that is none', { reason: 'toString' }, 'guests.*.reason'],
  ['a count below zero', { sweeps: -1 }, 'guests.*.sweeps'],
])('%s is refused, and the message names the field and no guest', (_what, wrong, field) => {
  const guest = { ...seen, flips: 1, flips_since: at, reported: 'nothing', ...wrong };
  const text = JSON.stringify({ version: 2, sweep, guests: { [ID]: guest } });
  expect(() => parseFleetState(text)).toThrow(field);
  expect(() => parseFleetState(text)).not.toThrow(ID);
});
