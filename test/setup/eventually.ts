import { setTimeout } from 'node:timers/promises';

/** Asks until `wanted` holds, for what tells of its changes only when asked, as RabbitMQ's management API. */
export async function eventually<T>(ask: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const value = await ask();
    if (wanted(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`Still not so after 20 s: ${JSON.stringify(value)?.slice(0, 2000)}`);
    await setTimeout(100);
  }
}
