import { describe, expect, jest, test } from '@jest/globals';
import { Wakefulness } from '../../functions/broker/wakefulness.ts';
import { pass, sleepThrough, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

describe('a process that was stopped', () => {
  test('a process that slept beyond the limit notices with its first timer', async () => {
    const onOverslept = jest.fn();
    const wakefulness = new Wakefulness(60_000, onOverslept);
    await sleepThrough(60_001);
    expect(onOverslept).toHaveBeenCalledTimes(1);
    wakefulness.stop();
  });

  test('a process that slept beyond the limit notices at a check before any timer', () => {
    const onOverslept = jest.fn();
    const wakefulness = new Wakefulness(60_000, onOverslept);
    jest.setSystemTime(Date.now() + 61_000);
    wakefulness.check();
    expect(onOverslept).toHaveBeenCalledTimes(1);
    wakefulness.stop();
  });

  test('a process takes no notice of sleeps shorter than the limit, however many', async () => {
    const onOverslept = jest.fn();
    const wakefulness = new Wakefulness(60_000, onOverslept);
    for (let i = 0; i < 3; i++) await sleepThrough(50_000);
    await pass(120_000);
    expect(onOverslept).not.toHaveBeenCalled();
    wakefulness.stop();
  });

  test('a process is not watched after stop, even by a timer that had just fired', async () => {
    const onOverslept = jest.fn();
    const wakefulness = new Wakefulness(0, onOverslept);
    jest.advanceTimersByTime(1000);
    wakefulness.stop();
    await pass(10_000);
    expect(onOverslept).not.toHaveBeenCalled();
    expect(jest.getTimerCount()).toBe(0);
  });
});
