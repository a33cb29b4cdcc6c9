import { expect, test } from '@jest/globals';
import { overviewOf } from '../../functions/page/overview.ts';
import { squares } from '../../functions/page/squares.ts';
import { stateOf } from './states.ts';

test.each([
  [100_000, true],
  [100_001, false],
  [Number.MAX_SAFE_INTEGER, false],
])('of %d guests, as a state says, the squares are drawn: %p', (checked, isDrawn) => {
  const drawn = squares(overviewOf(stateOf({}, 0, { checked, reachable: checked })));
  expect(String(drawn).includes('class="squares"')).toBe(isDrawn);
});
