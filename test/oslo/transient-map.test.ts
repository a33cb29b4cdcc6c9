import { expect, test } from '@jest/globals';
import { TransientMap } from '../../functions/oslo/transient-map.ts';

test('a transient map without values has no oldest one, and deletes nothing', () => {
  const map = new TransientMap<string, object>();
  expect(map.oldest).toBeUndefined();
  expect(map.get('a')).toBeUndefined();
  expect(map.delete('a')).toBe(false);
});

test('a transient map gives its values in the order in which they came, but for those that were deleted', () => {
  const map = new TransientMap<number, string>();
  for (const [key, value] of ['first', 'second', 'third'].entries()) map.set(key, value);
  expect(map.oldest).toBe('first');
  expect(map.delete(0)).toBe(true);
  expect(map.oldest).toBe('second');
  expect(map.values()).toEqual(['second', 'third']);
  expect(map.get(0)).toBeUndefined();
  expect(map.size).toBe(2);
});
