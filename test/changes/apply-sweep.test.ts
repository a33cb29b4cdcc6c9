import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Rules } from '../../functions/changes/apply-sweep.ts';
import type { Change } from '../../functions/changes/transition.ts';
import { changesOf, type Fate, GUEST, inWords, minute, PATIENT, SweepsInARow } from './sweeps-in-a-row.ts';

const OTHER = '00000000-0000-4000-8000-000000000002';

/** Sweeps in a row after which a guest is steady, with thresholds that are no greater. */
const STEADY = 6;

describe('what is reported', () => {
  const down = 'no_consumer';
  test.each<[what: string, fates: Fate[], reported: string[]]>([
    ['always answers', ['up', 'up', 'up'], []],
    ['fails once', ['up', down, 'up', 'up'], []],
    ['fails twice in a row', ['up', down, down], ['unreachable no_consumer']],
    ['stays away', [down, down, down, down, down, down, down, down, down], ['unreachable no_consumer']],
    ['comes back', [down, down, 'up', 'up'], ['unreachable no_consumer', 'reachable']],
    [
      'hangs where it had been down',
      [down, down, 'no_reply', 'no_reply', 'no_reply'],
      ['unreachable no_consumer', 'reason_changed no_reply'],
    ],
    ['hangs once, where it had been down', [down, down, 'no_reply', down], ['unreachable no_consumer']],
    [
      'is deleted while unreachable',
      [down, down, 'deleted'],
      ['unreachable no_consumer', 'deleted queue_missing'],
    ],
    ['is deleted while reachable', ['up', 'up', 'deleted'], []],
    ['is deleted after one failure', ['up', down, 'deleted'], []],
    ['has no verdict in between', [down, 'unknown', down, 'unknown'], ['unreachable no_consumer']],
    ['answers every other ping', [down, 'up', down, 'up', down, 'up', down, 'up'], ['flapping no_consumer']],
    [
      'flaps, and is then steadily reachable',
      [down, 'up', down, 'up', down, 'up', 'up', 'up', 'up', 'up', 'up', 'up'],
      ['flapping no_consumer', 'reachable'],
    ],
    [
      'flaps, and then stays away',
      [down, down, 'up', down, down, 'up', down, down, down, down, down, down, down],
      [
        'unreachable no_consumer',
        'reachable',
        'unreachable no_consumer',
        'reachable',
        'flapping no_consumer',
        'unreachable no_consumer',
      ],
    ],
    [
      'begins and fails to start, again and again',
      [down, 'no_reply', down, 'no_reply', down, 'no_reply', down],
      ['unreachable no_reply'],
    ],
    [
      'is deleted while flapping',
      [down, 'up', down, 'up', down, 'up', 'deleted'],
      ['flapping no_consumer', 'deleted queue_missing'],
    ],
  ])('a guest that %s', (_what, fates, reported) => {
    expect(changesOf(fates)).toEqual(reported);
  });

  test('a guest that comes back counts as reachable after as many sweeps in a row as are set', () => {
    const slow = { ...PATIENT, unreachableAfterSweeps: 1, reachableAfterSweeps: 3 };
    expect(changesOf([down, 'up', 'up', down, 'up', 'up'], slow)).toEqual(['unreachable no_consumer']);
    expect(changesOf([down, 'up', 'up', 'up'], slow)).toEqual(['unreachable no_consumer', 'reachable']);
  });

  test('`since` is when the guest was first seen unreachable, also once it is told later', () => {
    const sweeps = new SweepsInARow(PATIENT);
    const fates: Fate[] = ['up', down, down, down, 'up'];
    for (const fate of fates) sweeps.sweep({ fates: { [GUEST]: fate } });
    expect(sweeps.reported.flat().map(({ since }) => since)).toEqual([minute(1), minute(1)]);
  });

  test('`since` of a flapping guest is when the flapping began', () => {
    const sweeps = new SweepsInARow(PATIENT);
    const fates: Fate[] = ['up', down, 'up', down, 'up', down];
    for (const fate of fates) sweeps.sweep({ fates: { [GUEST]: fate } });
    expect(sweeps.reported.flat()).toMatchObject([{ change: 'flapping', since: minute(1) }]);
  });
});

describe('where sweeps come each minute, and are scheduled each fifth', () => {
  const down = 'no_consumer';
  const scheduled = { ...PATIENT, rateMs: 5 * 60_000 }; // each second sweep counts
  test.each<[what: string, fates: Fate[], reported: string[]]>([
    ['fails in one event that comes twice', [down, down], []],
    ['fails in the next event, too', [down, down, down], ['unreachable no_consumer']],
    ['dies between the two', ['up', down, down], ['unreachable no_consumer']],
    ['hangs in one event', [down, down, down, down, 'no_reply', 'no_reply'], ['unreachable no_consumer']],
    ['is back between the two', [down, down, down, 'up'], ['unreachable no_consumer', 'reachable']],
  ])('a guest that %s', (_what, fates, reported) => {
    expect(changesOf(fates, scheduled)).toEqual(reported);
  });
});

describe('the fleet', () => {
  test('a sweep that the broker ended, or without guests, says nothing of any guest but is the last sweep', () => {
    const sweeps = new SweepsInARow(PATIENT);
    const fates = { [GUEST]: 'no_reply', [OTHER]: 'up' } as const;
    sweeps.sweep({ fates });
    const { guests } = { ...sweeps.state };
    sweeps.sweep({ fates: { [OTHER]: 'no_reply' }, ended: 'by the broker' });
    sweeps.sweep({ fates: {}, ended: 'without guests' });
    expect(sweeps.state?.guests).toEqual(guests);
    expect(sweeps.state?.sweep).toMatchObject({ at: minute(2), guests_from: 'nowhere' });
    expect(sweeps.reported.flat()).toEqual([]);
  });

  test.each(['event', 'last_list'] as const)(
    'a guest that is absent from a sweep whose guests are from %s is not gone',
    (from) => {
      const sweeps = new SweepsInARow(PATIENT);
      for (const _ of [1, 2]) sweeps.sweep({ fates: { [GUEST]: 'no_reply' } });
      expect(sweeps.sweep({ fates: { [OTHER]: 'up' }, from })).toEqual([]);
      expect(Object.keys(sweeps.state?.guests ?? {})).toEqual([GUEST]);
    },
  );

  test("the totals of named guests do not take the place of the fleet's", () => {
    const sweeps = new SweepsInARow(PATIENT);
    sweeps.sweep({ fates: { [OTHER]: 'up' }, from: 'event' });
    expect(sweeps.state?.sweep).toMatchObject({ guests_from: 'event', at: minute(0) });
    sweeps.sweep({ fates: { [OTHER]: 'up', [GUEST]: 'up' } });
    sweeps.sweep({ fates: { [OTHER]: 'up' }, from: 'event' });
    expect(sweeps.state?.sweep).toMatchObject({ checked: 2, at: minute(1) });
  });

  test('a fleet that is reachable leaves nothing of its guests in the state', () => {
    const sweeps = new SweepsInARow(PATIENT);
    const fates: Fate[] = ['no_reply', 'no_reply', ...Array<Fate>(STEADY).fill('up')];
    for (const fate of fates) sweeps.sweep({ fates: { [GUEST]: fate, [OTHER]: 'up' } });
    expect(sweeps.state?.guests).toEqual({});
  });
});

describe('any sequence of sweeps', () => {
  const sweeps = fc.integer({ min: 1, max: STEADY });
  const thresholds = fc
    .record({ unreachableAfterSweeps: sweeps, reachableAfterSweeps: sweeps })
    .map((limits) => ({ ...PATIENT, ...limits }));
  // Runs of one fate, so that guests are steady now and then.
  const run = (fates: readonly Fate[]) =>
    fc
      .tuple(fc.constantFrom(...fates), fc.integer({ min: 1, max: 9 }))
      .map(([fate, n]) => Array<Fate>(n).fill(fate));
  const life = (...fates: Fate[]) => fc.array(run(fates), { maxLength: 30 }).map((runs) => runs.flat());
  const PINGED: Fate[] = ['up', 'up', 'no_consumer', 'no_reply', 'guest_error'];

  /** After each sweep: the guest's verdicts so far, what was told just now, and what was told last. */
  function reports(fates: readonly Fate[], limits: Rules) {
    const sweeps = new SweepsInARow(limits);
    let last: Change | undefined;
    return fates.map((fate, index) => {
      const [change, ...more] = sweeps.sweep({ fates: { [GUEST]: fate } });
      if (more.length > 0) expect(more).toEqual([]); // called for each sweep, expect() takes most of the time
      const before = last;
      last = change ?? last;
      return { verdicts: fates.slice(0, index + 1), change, before, last };
    });
  }

  /** Since then the guest was never reachable so often in a row that it counts, and before then it was not unreachable. */
  function expectBeginning(verdicts: readonly Fate[], since: string, enough: number): void {
    const isUp = (fate: Fate | undefined) => fate === undefined || fate === 'up' || fate === 'deleted';
    const first = verdicts.findIndex((_, index) => minute(index) === since);
    expect([isUp(verdicts[first - 1]), isUp(verdicts[first])]).toEqual([true, false]);
    const later = verdicts.slice(first).map((fate) => (isUp(fate) ? 'u' : '.'));
    expect(later.join('')).not.toContain('u'.repeat(enough));
  }

  /** How many of the last verdicts in a row fulfil a condition. */
  function inARow(verdicts: readonly Fate[], holds: (fate: Fate) => boolean): number {
    return verdicts.length - 1 - verdicts.findLastIndex((fate) => !holds(fate));
  }

  test('what is told is true', () => {
    fc.assert(
      fc.property(life(...PINGED, 'deleted'), thresholds, (fates, limits) => {
        for (const { verdicts, change, before } of reports(fates, limits)) {
          if (change === undefined) continue;
          const now = verdicts.at(-1);
          const [down, up] = [
            (fate: Fate) => fate !== 'up' && fate !== 'deleted',
            (fate: Fate) => fate === 'up',
          ];
          const alike = inARow(verdicts, (fate) => fate === now);
          switch (change.change) {
            case 'unreachable':
              expect(change.reason).toBe(now);
              expect(inARow(verdicts, down)).toBeGreaterThanOrEqual(limits.unreachableAfterSweeps);
              expectBeginning(verdicts, change.since, limits.reachableAfterSweeps);
              break;
            case 'reason_changed':
              expect(change.reason).toBe(now);
              expect(change.reason).not.toBe(before?.reason);
              expect(alike).toBeGreaterThanOrEqual(limits.unreachableAfterSweeps);
              break;
            case 'reachable':
              expect(inARow(verdicts, up)).toBeGreaterThanOrEqual(limits.reachableAfterSweeps);
              if (before?.change !== 'flapping') expect(change.since).toBe(before?.since);
              break;
            case 'deleted':
              expect(now).toBe('deleted');
              break;
            default:
              expect(now).not.toBe('deleted');
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('what is told is complete: of a guest that is steady, the last word is how it is', () => {
    fc.assert(
      fc.property(life(...PINGED, 'deleted'), thresholds, (fates, limits) => {
        for (const { verdicts, last } of reports(fates, limits)) {
          const now = verdicts.at(-1) ?? 'up';
          const alike = inARow(verdicts, (fate) => fate === now);
          const isGood = [undefined, 'reachable', 'deleted'].includes(last?.change);
          if (now === 'deleted') expect(isGood).toBe(true);
          else if (now === 'up' && alike >= STEADY) expect(isGood).toBe(true);
          else if (now === 'up' && alike >= limits.reachableAfterSweeps)
            expect(isGood || last?.change === 'flapping').toBe(true);
          else if (now !== 'up' && alike >= STEADY) {
            expect(['unreachable', 'reason_changed']).toContain(last?.change);
            expect(last?.reason).toBe(now);
          } else if (now !== 'up' && alike >= limits.unreachableAfterSweeps) expect(isGood).toBe(false);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('nothing is told twice, and of a flapping guest nothing until it is steady', () => {
    const may: Record<string, Change['change'][]> = {
      good: ['unreachable', 'flapping'],
      unreachable: ['reason_changed', 'flapping', 'reachable', 'deleted'],
      flapping: ['unreachable', 'reachable', 'deleted'],
    };
    fc.assert(
      fc.property(life(...PINGED, 'deleted'), thresholds, (fates, limits) => {
        let mood = 'good';
        for (const { verdicts, change } of reports(fates, limits)) {
          if (change === undefined) continue;
          expect(may[mood]).toContain(change.change);
          const isUp = verdicts.at(-1) === 'up';
          if (mood === 'flapping' && change.change !== 'deleted')
            expect(inARow(verdicts, (fate) => (fate === 'up') === isUp)).toBe(STEADY);
          if (change.change === 'reachable' || change.change === 'deleted') mood = 'good';
          else mood = change.change === 'flapping' ? 'flapping' : 'unreachable';
        }
      }),
      { numRuns: 200 },
    );
  });

  test('sweeps without a verdict for the guest, and those that the broker ended, report nothing', () => {
    const gap = fc.constantFrom('no verdict', 'not named', 'broker');
    const withGaps = fc.array(fc.oneof(run(PINGED), gap), { maxLength: 30 });
    fc.assert(
      fc.property(withGaps, thresholds, (parts, limits) => {
        const sweeps = new SweepsInARow(limits);
        sweeps.sweep({ fates: { [GUEST]: 'up' } });
        for (const part of parts) {
          if (part === 'no verdict') sweeps.sweep({ fates: { [GUEST]: 'unknown' } });
          else if (part === 'not named') sweeps.sweep({ fates: { [OTHER]: 'up' }, from: 'event' });
          else if (part === 'broker')
            sweeps.sweep({ fates: { [GUEST]: 'no_reply' }, ended: 'by the broker' });
          else if (typeof part !== 'string')
            for (const fate of part) sweeps.sweep({ fates: { [GUEST]: fate } });
        }
        const pinged = parts.filter((part) => typeof part !== 'string').flat();
        expect(sweeps.reported.flat().map(inWords)).toEqual(changesOf(pinged, limits));
      }),
    );
  });

  test('what is reported of a guest depends on no other guest', () => {
    fc.assert(
      fc.property(life(...PINGED), life(...PINGED), thresholds, (ours, theirs, limits) => {
        const sweeps = new SweepsInARow(limits);
        const length = Math.min(ours.length, theirs.length);
        for (let index = 0; index < length; index++)
          sweeps.sweep({ fates: { [GUEST]: ours[index] ?? 'up', [OTHER]: theirs[index] ?? 'up' } });
        const reportedOf = (id: string) =>
          sweeps.reported.flat().filter(({ instance_id: told }) => told === id);
        expect(reportedOf(GUEST).map(inWords)).toEqual(changesOf(ours.slice(0, length), limits));
        expect(reportedOf(OTHER).map(inWords)).toEqual(changesOf(theirs.slice(0, length), limits));
      }),
    );
  });
});
