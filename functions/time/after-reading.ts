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
