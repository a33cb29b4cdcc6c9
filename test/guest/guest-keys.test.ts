import { afterEach, expect, jest, test } from '@jest/globals';
import { GuestKeys } from '../../functions/guest/guest-keys.ts';
import { Deadline } from '../../functions/time/deadline.ts';

function counting(answers: (string | undefined | Error)[]) {
  const asked: string[] = [];
  const keys = new GuestKeys(async (instanceId) => {
    asked.push(instanceId);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return { keys, asked };
}

afterEach(() => {
  jest.useRealTimers();
});

test('a look-up of a key that fails throws, and the next one asks again', async () => {
  const { keys, asked } = counting([new Error('throttled'), 'key']);
  await expect(keys.get('a', Deadline.never)).rejects.toThrow('throttled');
  await expect(keys.get('a', Deadline.never)).resolves.toBe('key');
  expect(asked).toEqual(['a', 'a']);
});

test('a missing key is looked up again after a minute, and not before', async () => {
  jest.useFakeTimers();
  const { keys, asked } = counting([undefined, 'key']);
  await expect(keys.get('a', Deadline.never)).resolves.toBeUndefined();
  jest.advanceTimersByTime(59_000);
  await expect(keys.get('a', Deadline.never)).resolves.toBeUndefined();
  expect(asked).toHaveLength(1);
  jest.advanceTimersByTime(2000);
  await expect(keys.get('a', Deadline.never)).resolves.toBe('key');
});

test('a key is looked up once for each instance, until it is renewed', async () => {
  const { keys, asked } = counting(['one', 'two', 'three']);
  await expect(keys.get('a', Deadline.never)).resolves.toBe('one');
  await expect(keys.get('a', Deadline.never)).resolves.toBe('one');
  await expect(keys.get('b', Deadline.never)).resolves.toBe('two');
  await expect(keys.renew('a', Deadline.never)).resolves.toBe('three');
  await expect(keys.get('a', Deadline.never)).resolves.toBe('three');
  expect(asked).toEqual(['a', 'b', 'a']);
});
