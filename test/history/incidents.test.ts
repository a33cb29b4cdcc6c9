import { expect, test } from '@jest/globals';
import { type ChangeLine, parseHistoryLine } from '../../functions/history/history-line.ts';
import { countBy, downMs, type GuestNow, incidentsOf } from '../../functions/history/incidents.ts';

const A = '00000000-0000-4000-8000-000000000001';
const B = '00000000-0000-4000-8000-000000000002';
const at = (hour: number) => new Date(Date.UTC(2026, 10, 24, hour)).toISOString();
const line = (hour: number, change: string, more: Partial<ChangeLine> = {}): ChangeLine => ({
  at: at(hour),
  instance_id: A,
  change,
  reason: 'no_reply',
  since: at(hour - 1),
  ...more,
});

const silent: GuestNow = { sweeps: 9, reported: 'unreachable', reason: 'no_reply', since: at(1) };

test.each<[what: string, lines: ChangeLine[], incidents: object[], now?: GuestNow]>([
  [
    'an outage',
    [line(2, 'unreachable'), line(5, 'reachable', { since: at(1) })],
    [{ from: at(1), to: at(5) }],
  ],
  ['one that goes on', [line(2, 'unreachable')], [{ from: at(1), reason: 'no_reply' }], silent],
  ['one that began before what is read, and goes on', [], [{ from: at(1), reason: 'no_reply' }], silent],
  [
    'muted, and goes on',
    [],
    [{ isMuted: true, isFlapping: true }],
    { ...silent, reported: 'flapping', muted: true },
  ],
  ['silent in too few sweeps', [], [], { ...silent, reported: 'nothing' }],
  ['forgotten', [line(2, 'unreachable')], [{ from: at(1), to: at(2), isEndUnknown: true }]],
  [
    'another reason',
    [line(2, 'unreachable'), line(3, 'reason_changed', { reason: 'no_consumer', since: at(1) })],
    [{ from: at(1), reason: 'no_consumer' }],
    silent,
  ],
  [
    'abandoned, then deleted',
    [line(2, 'unreachable'), line(9, 'abandoned', { since: at(1) }), line(20, 'deleted', { since: at(1) })],
    [{ from: at(1), to: at(20) }],
  ],
  ['begun before what is read', [line(5, 'reachable', { since: at(1) })], [{ from: at(1), to: at(5) }]],
  [
    'two, the newest first',
    [line(2, 'unreachable'), line(3, 'reachable'), line(6, 'unreachable'), line(7, 'reachable')],
    [
      { from: at(5), to: at(7) },
      { from: at(1), to: at(3) },
    ],
  ],
  [
    'flapping',
    [line(2, 'flapping'), line(9, 'reachable', { since: at(1) })],
    [{ isFlapping: true, to: at(9) }],
  ],
  [
    'muted, and told of when the mute ended',
    [line(2, 'unreachable', { muted: true }), line(4, 'mute_ended', { since: at(1) })],
    [{ from: at(1), isMuted: false }],
    silent,
  ],
  [
    'muted throughout',
    [line(2, 'unreachable', { muted: true }), line(3, 'reachable', { muted: true })],
    [{ isMuted: true }],
  ],
  ['unknown to Trove, which is no incident', [line(2, 'unknown_to_trove')], []],
])('%s', (...[, lines, incidents, now]) => {
  expect(incidentsOf(lines, now ? { [A]: now } : {})).toEqual(
    incidents.map((each) => expect.objectContaining(each)),
  );
});

test('incidents are counted by reason and hypervisor, and their time is within the window', () => {
  const incidents = incidentsOf(
    [
      line(2, 'unreachable', { hypervisor: 'compute-7' }),
      line(2, 'unreachable', { instance_id: B, hypervisor: 'compute-7', reason: 'no_consumer' }),
      line(5, 'reachable', { since: at(1) }),
      line(7, 'unreachable'),
      line(8, 'reason_changed', { reason: 'no_reply' }),
    ],
    { [A]: silent, [B]: silent },
  );
  expect(countBy(incidents, 'hypervisor')).toEqual([['compute-7', 2]]);
  expect(countBy(incidents, 'reason')).toEqual([
    ['no_reply', 2],
    ['no_consumer', 1],
  ]);
  const of = incidents.filter(({ instance_id: id }) => id === A);
  expect(downMs(of, new Date(at(3)), new Date(at(8)))).toBe(4 * 3_600_000);
});

test.each([
  '',
  '{',
  '{"at":"yesterday"}',
  '[]',
  '{"at":"2026-11-24T14:00:00.000Z","instance_id":"x","change":"y"}',
])('the damaged line %j is none', (text) => expect(parseHistoryLine(text)).toBeUndefined());
