import { describe, expect, test } from '@jest/globals';
import { bars, lines } from './chart.ts';

const someBars = () =>
  bars({
    title: 'First answer',
    axis: 'milliseconds',
    parts: ['init', 'first invocation'],
    groups: [{ name: '256 MB', bars: [{ name: 'ours', parts: [52, 28] }] }],
  });

const someLines = () =>
  lines({
    title: 'Sweeps',
    xAxis: 'guests',
    yAxis: 'seconds',
    lines: [
      {
        name: 'ours',
        points: [
          [1000, 0.2],
          [30_000, 8],
        ],
      },
    ],
  });

function texts(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => text);
}

describe('the charts', () => {
  test('the same figures are drawn as the same bytes, whatever was drawn before', () => {
    const [once, other] = [someBars(), someLines()];
    expect(someBars()).toBe(once);
    expect(someLines()).toBe(other);
  });

  test('bars have a title, a legend of their parts, an axis with its unit, and their sums', () => {
    const written = texts(someBars());
    expect(written).toEqual(
      expect.arrayContaining([
        'First answer',
        'init',
        'first invocation',
        'milliseconds',
        '256 MB',
        'ours',
        '80',
      ]),
    );
  });

  test('the axes of lines are whole powers of ten around the values', () => {
    const written = texts(someLines());
    expect(written).toEqual(
      expect.arrayContaining(['Sweeps', 'guests', '1,000', '10,000', '100,000', 'seconds', '0.1', '1', '10']),
    );
  });
});
