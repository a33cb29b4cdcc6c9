import { expect, test } from '@jest/globals';
import { type Result, resultsText } from './results.ts';

const RESULT: Result = {
  release: 'trixie',
  versions: { rabbitmq: '4.0.5', trove: '23.0.0', oslo: '16.1.0' },
  queues: 'quorum',
  suite: 'test/oslo',
  outcome: { passed: 7, failed: ['a call | fails', 'another'] },
};
const GREEN: Result = { ...RESULT, outcome: { passed: 9, failed: [] } };

function rows(text: string): string[] {
  return text.split('\n').filter((line) => /^\| (trixie|forky)/.test(line));
}

test('a failed test is named in its row', () => {
  const [row = ''] = rows(resultsText([RESULT], ''));
  expect(row.replaceAll(/ +/g, ' ')).toBe(
    '| trixie | 4.0.5 | 23.0.0 | 16.1.0 | quorum | test/oslo | 7 | 2 | a call \\| fails; another |',
  );
});

test('a later run takes the place of the earlier one of the same release, queues and suite', () => {
  const before = resultsText([{ ...RESULT, versions: { ...RESULT.versions, rabbitmq: '4.0.4' } }], '');
  expect(resultsText([GREEN], before)).toBe(resultsText([GREEN], ''));
});

test('what was not tried again stays as it was', () => {
  const others = [
    { ...RESULT, release: 'forky' },
    { ...RESULT, queues: 'durable' },
    { ...RESULT, suite: 'test/faults' },
  ];
  const text = resultsText([GREEN], resultsText(others, ''));
  expect(rows(text)).toHaveLength(4);
  expect(text).toBe(resultsText([GREEN, ...others], ''));
});
