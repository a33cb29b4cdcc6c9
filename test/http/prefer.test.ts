import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { preferredWait } from '../../functions/http/prefer.ts';

test.each([
  undefined,
  '',
  'wait',
  'wait=',
  'wait=soon',
  'wait=-1',
  'wait=1.5',
  'wait=0',
  'wait=99999999999999',
  'await=5',
  'respond-async; wait=5',
  'note="wait=5"',
  'note="a, wait=5"',
  'wait=soon, wait=5',
  'foo="abc, wait=5',
])('the header Prefer: %j asks for no wait', (header) => {
  expect(preferredWait(header)).toBeUndefined();
});

test.each([
  ['wait=5', 5],
  ['WAIT = 5', 5],
  ['wait="5"', 5],
  ['respond-async, wait=5', 5],
  ['wait=5; foo=bar, wait=7', 5],
  ['handling=lenient,wait=10,', 10],
])('the header Prefer: %j asks to wait for %d s', (header, seconds) => {
  expect(preferredWait(header)).toBe(seconds);
});

test('any header gives a whole number of seconds above zero, or nothing', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const seconds = preferredWait(`wait${text}`) ?? 1;
      expect(Number.isInteger(seconds) && seconds > 0).toBe(true);
    }),
  );
});
