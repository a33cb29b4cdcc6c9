import { expect, test } from '@jest/globals';
import { andMore, excerpt } from '../functions/excerpt.ts';

test.each([
  [4, 4, ''],
  [5, 5, ''],
  [6, 6, ''], // 5 "and 1 more" would take as much room
  [7, 5, ' and 2 more'],
])('of %i, %i are shown%s', (length, shown, more) => {
  const list = Array.from({ length }, (_, index) => index);
  const { shown: first, omitted } = excerpt(list, 5);
  expect(first).toEqual(list.slice(0, shown));
  expect(andMore(omitted)).toBe(more);
});
