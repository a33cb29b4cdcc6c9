import { setTimeout } from 'node:timers/promises';

/** Asks until `wanted` holds, where no event reports a change, as with RabbitMQ's management API. */
export async function eventually<T>(
  ask: () => Promise<T>,
  wanted: (value: T) => boolean,
  withinMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(2 * pauseMs, 100)) {
    const value = await ask();
    if (wanted(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`Still not so after ${withinMs} ms: ${JSON.stringify(value)?.slice(0, 2000)}`);
    await setTimeout(pauseMs);
  }
}
