import { expect, test } from '@jest/globals';
import { spread } from './measurement.ts';
import { goal } from './report.ts';

test('a goal that is not kept does not hold where the limit keeps it, or none was measured', () => {
  expect(goal('', spread([1.3]), { atMost: 1.2 }).verdict).toBe('does not hold');
  expect(goal('', spread([1.3]), { atMost: 1.2 }, spread([1.1])).verdict).toBe('does not hold');
});

test('a goal that the limit does not keep either is out of reach, by how much beside the limit', () => {
  expect(goal('', spread([0.6]), { atLeast: 0.8 }, spread([0.75])).verdict).toBe(
    'out of reach: 0.8 × the limit',
  );
});

test('a goal that is kept holds, whatever the limit', () => {
  expect(goal('', spread([0.8]), { atLeast: 0.8 }, spread([0.75])).verdict).toBe('holds');
});
