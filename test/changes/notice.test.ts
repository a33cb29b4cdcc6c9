import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bySeverity, notice } from '../../functions/changes/notice.ts';
import type { Change } from '../../functions/changes/transition.ts';
import type { Reason } from '../../functions/guest/reason.ts';

const NOW = new Date('2026-11-24T14:45:30.000Z');
const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

function change(n: number, what: Change['change'], since: string, reason?: Reason): Change {
  return { instance_id: id(n), change: what, since, ...(reason && { reason }) };
}

describe('the sentence', () => {
  test('nothing has changed: there is no sentence', () => {
    expect(notice({ changes: [] }, NOW)).toBeUndefined();
  });

  test('the sentence names guests, reasons and since when, worst first', () => {
    const changes = [
      change(3, 'reachable', '2026-11-24T14:05:30.000Z'),
      change(1, 'unreachable', '2026-11-24T14:05:01.000Z', 'no_consumer'),
      change(2, 'unreachable', '2026-11-24T14:40:59.000Z', 'no_reply'),
    ];
    expect(notice({ changes: changes }, NOW)).toBe(
      `2 guests became unreachable: ${id(1)} (no_consumer, since 14:05 UTC), ${id(2)} (no_reply, since 14:40 UTC); ` +
        `1 guest is reachable again: ${id(3)} (after 40 min).`,
    );
  });

  test('the sentence has the day as well where that is another one', () => {
    expect(notice({ changes: [change(1, 'deleted', '2026-11-23T23:59:00.000Z', 'queue_down')] }, NOW)).toBe(
      `1 unreachable guest was deleted in Trove: ${id(1)} (queue_down, since 2026-11-23 23:59 UTC).`,
    );
  });

  test.each([
    ['2026-11-24T14:45:40.000Z', '0 s'],
    ['2026-11-24T14:44:10.000Z', '1 min'],
    ['2026-11-24T13:00:00.000Z', '1 h 45 min'],
    ['2026-11-23T14:45:00.000Z', '1 d'],
    ['2026-11-01T14:45:00.000Z', '23 d'],
  ])('a guest that was unreachable since %s is reachable again after %s', (since, duration) => {
    expect(notice({ changes: [change(1, 'reachable', since)] }, NOW)).toContain(`(after ${duration})`);
  });

  test('of many guests a few are named, and the others counted', () => {
    const changes = Array.from({ length: 12 }, (_, n) =>
      change(n, 'flapping', NOW.toISOString(), 'no_reply'),
    );
    const sentence = notice({ changes: changes }, NOW) ?? '';
    expect(sentence).toMatch(/^12 guests are flapping: .* and 7 more\.$/);
    expect(sentence.match(/0000-4000/g)).toHaveLength(5);
  });

  test('the sentence of any changes counts them all, and has no quote, backslash or line break', () => {
    const any = fc.record({
      instance_id: fc.uuid(),
      change: fc.constantFrom<Change['change'][]>(
        'abandoned',
        'unreachable',
        'flapping',
        'reason_changed',
        'deleted',
        'reachable',
      ),
      reason: fc.constantFrom<Reason[]>('no_consumer', 'queue_missing', 'key_mismatch'),
      since: fc.date({ min: new Date(0), max: NOW, noInvalidDate: true }).map((date) => date.toISOString()),
    });
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 300 }), (changes) => {
        const sentence = notice({ changes: changes }, NOW) ?? '';
        const counts = Array.from(sentence.matchAll(/(?:^|; )(\d+) /g), ([, count]) => Number(count));
        expect(counts.reduce((sum, count) => sum + count)).toBe(changes.length);
        expect(sentence).toMatch(/^[^"'\\\n\r<>]{1,2500}$/);
        expect(bySeverity(changes)).toHaveLength(changes.length);
      }),
    );
  });
});
