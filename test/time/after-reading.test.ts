import { describe, expect, jest, test } from '@jest/globals';
import { afterReading, beforeDeadline } from '../../functions/time/after-reading.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

describe('a callback after reading', () => {
  test('comes after what the event loop reads when the time is over', async () => {
    const order: string[] = [];
    afterReading(10, () => order.push('time-out'));
    setTimeout(() => order.push('another timer of that moment'), 10);
    jest.advanceTimersByTime(10);
    expect(order).toEqual(['another timer of that moment']);
    await pass(0);
    expect(order).toEqual(['another timer of that moment', 'time-out']);
  });

  test('never comes where the time is infinite', async () => {
    expect(afterReading(Number.POSITIVE_INFINITY, () => undefined)).toBeUndefined();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('before a deadline', () => {
  test('a promise that comes too late gives undefined', async () => {
    const value = beforeDeadline(Promise.withResolvers().promise, Deadline.in(10));
    await pass(10);
    await expect(value).resolves.toBeUndefined();
  });

  test('a promise that is rejected rejects, and no timer is left', async () => {
    const failing = beforeDeadline(Promise.reject(new Error('refused')), Deadline.in(10));
    await expect(failing).rejects.toThrow('refused');
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a promise that comes in time gives its value, and no timer is left', async () => {
    await expect(beforeDeadline(Promise.resolve('pong'), Deadline.in(10))).resolves.toBe('pong');
    expect(jest.getTimerCount()).toBe(0);
  });
});
