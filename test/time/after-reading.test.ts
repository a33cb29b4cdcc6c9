import { describe, expect, jest, test } from '@jest/globals';
import { afterReading, beforeDeadline, Deadline } from '../../functions/time/deadline.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

describe('a callback after reading', () => {
  test('a callback after reading runs after the timers of the moment and the reads that follow', async () => {
    const order: string[] = [];
    afterReading(10, () => order.push('time-out'));
    setTimeout(() => order.push('another timer of that moment'), 10);
    jest.advanceTimersByTime(10);
    expect(order).toEqual(['another timer of that moment']);
    await pass(0);
    expect(order).toEqual(['another timer of that moment', 'time-out']);
  });

  test('a callback of a process that did not run when it was due leaves that process a moment to send and to read', async () => {
    const onOver = jest.fn();
    afterReading(10, onOver);
    jest.spyOn(performance, 'now').mockReturnValueOnce(performance.now() + 1010);
    await pass(10 + 499);
    expect(onOver).not.toHaveBeenCalled();
    await pass(1);
    expect(onOver).toHaveBeenCalledTimes(1);
  });

  test('a callback after an infinite time never runs, and sets no timer', async () => {
    expect(afterReading(Number.POSITIVE_INFINITY, () => undefined)).toBeUndefined();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('a promise before a deadline', () => {
  test('a promise that settles after its deadline gives undefined', async () => {
    const value = beforeDeadline(Promise.withResolvers().promise, Deadline.in(10));
    await pass(10);
    await expect(value).resolves.toBeUndefined();
  });

  test('a promise that is rejected before its deadline rejects, and leaves no timer', async () => {
    const failing = beforeDeadline(Promise.reject(new Error('refused')), Deadline.in(10));
    await expect(failing).rejects.toThrow('refused');
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a promise that is fulfilled before its deadline gives its value, and leaves no timer', async () => {
    await expect(beforeDeadline(Promise.resolve('pong'), Deadline.in(10))).resolves.toBe('pong');
    expect(jest.getTimerCount()).toBe(0);
  });
});
