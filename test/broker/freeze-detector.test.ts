import { describe, expect, jest, test } from '@jest/globals';
import { FreezeDetector } from '../../functions/broker/freeze-detector.ts';
import { pass, sleepThrough, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

describe('a process that was stopped', () => {
  test('a process that slept beyond the limit notices with its first timer', async () => {
    const onFrozen = jest.fn();
    const detector = new FreezeDetector(60_000, onFrozen);
    await sleepThrough(60_001);
    expect(onFrozen).toHaveBeenCalledTimes(1);
    detector.stop();
  });

  test('a process that slept beyond the limit notices at a check before any timer', () => {
    const onFrozen = jest.fn();
    const detector = new FreezeDetector(60_000, onFrozen);
    jest.setSystemTime(Date.now() + 61_000);
    detector.check();
    expect(onFrozen).toHaveBeenCalledTimes(1);
    detector.stop();
  });

  test('a process takes no notice of sleeps shorter than the limit, however many', async () => {
    const onFrozen = jest.fn();
    const detector = new FreezeDetector(60_000, onFrozen);
    for (let i = 0; i < 3; i++) await sleepThrough(50_000);
    await pass(120_000);
    expect(onFrozen).not.toHaveBeenCalled();
    detector.stop();
  });

  test('a process that runs has not slept, though each timer is a little late, and the limit is one second', async () => {
    const onFrozen = jest.fn();
    const detector = new FreezeDetector(1000, onFrozen);
    for (let i = 0; i < 10; i++) {
      jest.setSystemTime(Date.now() + 50);
      await pass(250);
    }
    expect(onFrozen).not.toHaveBeenCalled();
    detector.stop();
  });

  test('a process is not watched after stop, even by a timer that had just fired', async () => {
    const onFrozen = jest.fn();
    const detector = new FreezeDetector(0, onFrozen);
    jest.advanceTimersByTime(1000);
    detector.stop();
    await pass(10_000);
    expect(onFrozen).not.toHaveBeenCalled();
    expect(jest.getTimerCount()).toBe(0);
  });
});
