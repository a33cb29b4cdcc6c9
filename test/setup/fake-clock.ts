import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, jest } from '@jest/globals';

/** Stops all clocks and timers in each test of a file; {@link pass} lets time go by. */
export function useFakeClock(): void {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });
}

/** Lets `ms` milliseconds go by: timers fire, and then the callbacks that they passed to setImmediate run. */
export async function pass(ms: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
  await setImmediate();
}

/** Lets `ms` milliseconds go by as for a stopped process, whose due timers fire when it continues. */
export async function sleepThrough(ms: number): Promise<void> {
  jest.setSystemTime(Date.now() + ms);
  await pass(1000);
}
