import type { Deadline } from './deadline.ts';

/**
 * Calls back after `ms` milliseconds, once what has arrived by then is read: a process that was stopped finds its
 * timers run out together with replies that came in time, and those replies count.
 *
 * @returns the timer, to be cleared; undefined for an infinite time, after which nothing is called
 */
export function afterReading(ms: number, callback: () => void): NodeJS.Timeout | undefined {
  if (ms === Number.POSITIVE_INFINITY) return undefined;
  return setTimeout(setImmediate, ms, callback);
}

/** What the promise gives before the deadline, else undefined; a rejection is passed on. */
export async function beforeDeadline<T>(promise: Promise<T>, deadline: Deadline): Promise<T | undefined> {
  const { promise: isOver, resolve } = Promise.withResolvers<undefined>();
  const timer = afterReading(deadline.leftMs, () => resolve(undefined));
  try {
    return await Promise.race([promise, isOver]);
  } finally {
    clearTimeout(timer);
  }
}
