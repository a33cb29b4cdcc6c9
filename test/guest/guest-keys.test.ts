import { afterEach, expect, jest, test } from '@jest/globals';
import { GuestKeys } from '../../functions/guest/guest-keys.ts';

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

test('a look-up that fails is an error, is not taken for "no key", and is tried again', async () => {
  const { keys, asked } = counting([new Error('throttled'), 'key']);
  await expect(keys.get('a', 1000)).rejects.toThrow('throttled');
  await expect(keys.get('a', 1000)).resolves.toBe('key');
  expect(asked).toEqual(['a', 'a']);
});

test('that there is no key is believed for a minute', async () => {
  jest.useFakeTimers();
  const { keys, asked } = counting([undefined, 'key']);
  await expect(keys.get('a', 1000)).resolves.toBeUndefined();
  jest.advanceTimersByTime(59_000);
  await expect(keys.get('a', 1000)).resolves.toBeUndefined();
  expect(asked).toHaveLength(1);
  jest.advanceTimersByTime(2000);
  await expect(keys.get('a', 1000)).resolves.toBe('key');
});

test('a key is looked up once, each instance its own, until it is to be renewed', async () => {
  const { keys, asked } = counting(['one', 'two', 'three']);
  await expect(keys.get('a', 1000)).resolves.toBe('one');
  await expect(keys.get('a', 1000)).resolves.toBe('one');
  await expect(keys.get('b', 1000)).resolves.toBe('two');
  await expect(keys.renew('a', 1000)).resolves.toBe('three');
  await expect(keys.get('a', 1000)).resolves.toBe('three');
  expect(asked).toEqual(['a', 'b', 'a']);
});
