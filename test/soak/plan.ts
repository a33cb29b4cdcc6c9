/** Something that is done to the guests or to their broker. */
export type Happening = { readonly atMs: number; readonly forMs: number } & (
  | { readonly kind: 'kill' | 'freeze'; readonly host: number }
  | { readonly kind: 'stop' | 'close connection'; readonly guest: number }
  | { readonly kind: 'restart the broker' | 'memory alarm' }
);

/** How many processes there are, and how many guests each of them runs. */
export const HOSTS = 10;
export const GUESTS_OF_HOST = 6;

const EVERY_MS = 5000;

/** In the first minute all is well. So it is in the last one, so that each end of an outage can be told. */
const QUIET_MS = 45_000;

/** After an outage a guest is left alone, so that it does not flap: six sweeps of ten seconds, and the way back. */
const REST_MS = 100_000;

/** All that happens in a run, the same for the same seed. */
export function makePlan(minutes: number, seed: number): Happening[] {
  const random = randomNumbers(seed);
  const upTo = (limit: number) => Math.floor(random() * limit);
  const endMs = minutes * 60_000 - QUIET_MS;
  const plan: Happening[] = [];
  const freeFromMs = Array.from({ length: HOSTS * GUESTS_OF_HOST }, () => 0);
  const guestsOf = (host: number) =>
    Array.from({ length: GUESTS_OF_HOST }, (_, i) => host * GUESTS_OF_HOST + i);
  for (let atMs = QUIET_MS; atMs < endMs; atMs += EVERY_MS) {
    const forMs = Math.min(25_000 + upTo(95_000), endMs - atMs);
    const what = upTo(10);
    const [host, guest] = [upTo(HOSTS), upTo(HOSTS * GUESTS_OF_HOST)];
    const guests = what < 4 ? guestsOf(host) : [guest];
    if (guests.some((each) => (freeFromMs[each] ?? 0) > atMs)) continue;
    for (const each of guests) freeFromMs[each] = atMs + forMs + REST_MS;
    if (what < 4) plan.push({ atMs, forMs, kind: what < 2 ? 'kill' : 'freeze', host });
    else plan.push({ atMs, forMs, kind: what < 8 ? 'stop' : 'close connection', guest });
  }
  const restarts = Math.max(1, Math.round(minutes / 4));
  for (let index = 0; index < restarts; index++) {
    const share = (index + 0.5) / restarts;
    plan.push({ atMs: QUIET_MS + share * (endMs - QUIET_MS), forMs: upTo(8000), kind: 'restart the broker' });
    const alarmMs = QUIET_MS + (share + 0.5 / restarts) * (endMs - QUIET_MS) - 25_000;
    plan.push({ atMs: alarmMs, forMs: 12_000 + upTo(8000), kind: 'memory alarm' });
  }
  return plan.sort((a, b) => a.atMs - b.atMs);
}

/** Between 0 and 1, the same row for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
