import type { TroveGuests } from '../parts/trove-guests.ts';

/**
 * How long the guest's agent runs, and then is stopped, in milliseconds: long enough stopped to be reported as unreachable,
 * and long enough running not to be reported as flapping.
 */
const RUNNING_MS = 210_000;
const STOPPED_MS = 105_000;

/**
 * Starts a real Trove guest whose agent is stopped and started again, over and over.
 *
 * @returns ends that, and leaves the guest as it is
 */
export async function startIntermittentGuest(
  host: Pick<TroveGuests, 'start' | 'stop'>,
  id: string,
): Promise<() => Promise<void>> {
  await host.start(id);
  let changing = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const wait = (isRunning: boolean) => {
    const change = () => {
      const changed = isRunning ? host.stop(id) : host.start(id);
      changing = changed.then(() => wait(!isRunning)).catch(console.error);
    };
    timer = setTimeout(change, isRunning ? RUNNING_MS : STOPPED_MS);
  };
  wait(true);
  return async () => {
    clearTimeout(timer);
    await changing;
    clearTimeout(timer);
  };
}
