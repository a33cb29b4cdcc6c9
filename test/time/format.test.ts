import { expect, test } from '@jest/globals';
import { formatDuration, formatTime } from '../../functions/time/format.ts';

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000] as const;

test.each([
  [-5 * SECOND, '0 s'], // the clocks of two machines differ
  [59.9 * SECOND, '59 s'],
  [MINUTE, '1 min'],
  [HOUR - SECOND, '59 min'],
  [HOUR, '1 h'],
  [3 * HOUR + 5 * MINUTE, '3 h 5 min'],
  [DAY, '1 d'],
  [2 * DAY + 4 * HOUR + 59 * MINUTE, '2 d 4 h'],
])('%s ms are "%s"', (ms, words) => {
  expect(formatDuration(ms)).toBe(words);
});

test('a moment of another day has its date', () => {
  const nowMs = Date.parse('2026-03-14T00:01:00.000Z');
  expect(formatTime('2026-03-14T00:00:30.000Z', nowMs)).toBe('00:00');
  expect(formatTime('2026-03-13T23:59:00.000Z', nowMs)).toBe('2026-03-13 23:59');
});
