import { describe, expect, test } from '@jest/globals';
import { inRepeats, interleaved, median, ratio, spread } from './measurement.ts';

describe("the benchmark's statistics", () => {
  test('a median of no values, and a ratio of unlike numbers of repeats, throw a RangeError', () => {
    expect(() => median([])).toThrow(RangeError);
    expect(() => ratio([1, 2], [1])).toThrow(RangeError);
  });

  test('the median is the middle value, or the mean of the middle two, whatever their order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([10, 2, 4, 1])).toBe(3);
  });

  test('a spread is the median, the least and the greatest value', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  });

  test('a ratio is taken repeat by repeat, and not of the medians', () => {
    expect(ratio([2, 40, 9], [1, 10, 3])).toEqual({ median: 3, min: 2, max: 4 });
  });

  test('contestants are measured in turns, once in each repeat, in an order drawn anew for each', async () => {
    const turns: string[] = [];
    const turn = (name: string) => async () => turns.push(name);
    const measured = await interleaved(64, new Map(['a', 'b'].map((name) => [name, turn(name)])));
    const orders = inRepeats(turns, 2).map((repeat) => repeat.join(''));
    expect(new Set(orders)).toEqual(new Set(['ab', 'ba']));
    expect(measured.get('a')).toHaveLength(64);
    expect(measured.get('a')?.every((at, repeat) => turns[at - 1] === 'a' && at > repeat * 2)).toBe(true);
  });

  test('a repeat has the values of all of its turns', () => {
    expect(inRepeats([1, 2, 3, 4, 5, 6], 3)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });
});
