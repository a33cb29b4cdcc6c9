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
  await expect(keys.serializer('a', Deadline.never)).rejects.toThrow('throttled');
  expect((await keys.serializer('a', Deadline.never))?.isOfKey('key')).toBe(true);
  expect(asked).toEqual(['a', 'a']);
});

test('a missing key is looked up again after a minute, and not before', async () => {
  jest.useFakeTimers();
  const { keys, asked } = counting([undefined, 'key']);
  await expect(keys.serializer('a', Deadline.never)).resolves.toBeUndefined();
  jest.advanceTimersByTime(59_000);
  await expect(keys.serializer('a', Deadline.never)).resolves.toBeUndefined();
  expect(asked).toHaveLength(1);
  jest.advanceTimersByTime(2000);
  expect((await keys.serializer('a', Deadline.never))?.isOfKey('key')).toBe(true);
});

test('a key is looked up once for each instance, until it is renewed', async () => {
  const { keys, asked } = counting(['one', 'two', 'three']);
  expect((await keys.serializer('a', Deadline.never))?.isOfKey('one')).toBe(true);
  expect((await keys.serializer('a', Deadline.never))?.isOfKey('one')).toBe(true);
  expect((await keys.serializer('b', Deadline.never))?.isOfKey('two')).toBe(true);
  expect((await keys.renewedSerializer('a', Deadline.never))?.isOfKey('three')).toBe(true);
  expect((await keys.serializer('a', Deadline.never))?.isOfKey('three')).toBe(true);
  expect(asked).toEqual(['a', 'b', 'a']);
});

test('a key that is looked up again and is the same keeps its serializer', async () => {
  const { keys } = counting(['key', 'key']);
  const serializer = await keys.serializer('a', Deadline.never);
  expect(serializer).toBeDefined();
  await expect(keys.renewedSerializer('a', Deadline.never)).resolves.toBe(serializer);
});

test.each(['key\n', 'key\r\n', ' key ', '\uFEFFkey'])(
  'what stands around the key in %j is no part of it',
  async (text) => {
    const { keys } = counting([text]);
    expect((await keys.serializer('a', Deadline.never))?.isOfKey('key')).toBe(true);
  },
);
