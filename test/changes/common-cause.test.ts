import { expect, test } from '@jest/globals';
import { causeSentence, commonCause, type Shared } from '../../functions/changes/common-cause.ts';

const NOW_MS = Date.parse('2026-11-28T14:00:00.000Z');

function on(hypervisor: string | undefined, count: number, more: Shared = {}) {
  return Array.from({ length: count }, (_, index) => ({
    ...(hypervisor !== undefined && { hypervisor }),
    ...more,
    since: `2026-11-28T02:${10 + index}:00.000Z`,
  }));
}

/** Ten guests on each of twenty hypervisors. */
const FLEET = Array.from({ length: 20 }, (_, host) => on(`compute-${host}`, 10)).flat();

test('a hypervisor that most of the unreachable guests share, and few others, is named', () => {
  const down = [...on('compute-7', 9), ...on('compute-3', 1)];
  const cause = commonCause(down, FLEET);
  expect(cause).toEqual({
    attribute: 'hypervisor',
    value: 'compute-7',
    guests: 9,
    unreachable: 10,
    since: '2026-11-28T02:14:00.000Z',
  });
  expect(cause && causeSentence(cause, NOW_MS)).toBe(
    '9 of 10 unreachable guests are on compute-7, since 02:14 UTC',
  );
});

test.each<[string, Parameters<typeof commonCause>[0], readonly Shared[]]>([
  ['two guests', on('compute-7', 2), FLEET],
  [
    'less than half of the unreachable',
    [...on('compute-7', 4), ...on('compute-3', 2), ...on(undefined, 3)],
    FLEET,
  ],
  ['what all guests share', on('compute-7', 10), on('compute-7', 40)],
  ['what chance explains', on('a', 3), [...on('a', 10), ...on('b', 10), ...on('c', 10)]],
  ['what nobody knows', on(undefined, 12), FLEET],
  ['no unreachable guests', [], FLEET],
  ['no fleet', on('compute-7', 10), []],
])('%s are no common cause', (_what, down, fleet) => {
  expect(commonCause(down, fleet)).toBeUndefined();
});

test('of two common things the one that is rarer in the fleet is named', () => {
  const mysql = { datastore_version: 'mysql 8.0' };
  const fleet = [...on('compute-7', 10, mysql), ...on('compute-3', 90, mysql), ...on('compute-4', 100)];
  expect(commonCause(on('compute-7', 8, mysql), fleet)).toMatchObject({ attribute: 'hypervisor' });
  const down = on(undefined, 8, { datastore_version: 'mysql 5.7' });
  const cause = commonCause(down, [...fleet, ...down, ...on('x', 90, mysql)]);
  expect(cause && causeSentence(cause, NOW_MS)).toMatch(
    /^All 8 unreachable guests run mysql 5.7, since 02:13 UTC$/,
  );
});
