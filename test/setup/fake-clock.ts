import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, jest } from '@jest/globals';

/** For each test of a file, stops all clocks and timers; {@link pass} lets time go by. */
export function useFakeClock(): void {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });
}

/** Lets `ms` milliseconds go by: timers fire, and what they put off by setImmediate is done. */
export async function pass(ms: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
  await setImmediate();
}

/** Lets `ms` milliseconds go by as a stopped process does: what is due fires when the process is awake again. */
export async function sleepThrough(ms: number): Promise<void> {
  jest.setSystemTime(Date.now() + ms);
  await pass(1000);
}
