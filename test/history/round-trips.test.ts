import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { percentilesOf, withRoundTrip } from '../../functions/history/round-trips.ts';

const histogramOf = (times: readonly number[]) =>
  times.reduce<string | undefined>((histogram, ms) => withRoundTrip(histogram, ms), undefined) ?? '';

test('the percentiles of a day are within 15 % of what was measured', () => {
  const days = fc.array(fc.double({ min: 0.25, max: 20_000, noNaN: true }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(days, (times) => {
      const sorted = times.toSorted((a, b) => a - b);
      for (const [index, share] of [0.5, 0.99].entries()) {
        const exact = sorted[Math.ceil(share * times.length) - 1] ?? 0;
        const kept = percentilesOf(histogramOf(times))[index] ?? 0;
        expect(Math.abs(kept - exact) / exact).toBeLessThan(0.15);
      }
    }),
  );
});

test('a thousand sweeps of a guest take as much room as its times differ', () => {
  const steady = histogramOf(Array.from({ length: 1000 }, (_, n) => 2 + (n % 10) / 10));
  expect(steady.length).toBeLessThan(40);
  const any = histogramOf(Array.from({ length: 1000 }, (_, n) => 1.02 ** n));
  expect(any.length).toBeLessThan(500);
  expect(percentilesOf('')).toEqual([0, 0]);
});
