import { expect, test } from '@jest/globals';
import { applySweep } from '../../functions/changes/apply-sweep.ts';
import { withReport } from '../../functions/changes/report.ts';
import type { Change } from '../../functions/changes/transition.ts';
import { summarize } from '../../functions/sweep/summary.ts';
import type { Verdict } from '../../functions/sweep/sweep.ts';
import { RULES, resultOf } from './results.ts';

/** Of EventBridge's 256 KB for an event, the part that a summary may take: the rest is for the event of the sweep. */
const MAX_BYTES = 100 * 1024;

test('the summary of ten thousand changes has a hundred of them, counts the others, and fits into an event', () => {
  const ids = Array.from(
    { length: 10_000 },
    (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  );
  const since = '2026-11-24T14:05:30.000Z';
  const silent: Verdict = {
    reachable: false,
    reason: 'no_consumer',
    cause: 'silence',
    queue: { consumers: 1_000_000, messages: 1_000_000 },
  };
  const changes = ids.map(
    (id): Change => ({ instance_id: id, change: 'reason_changed', reason: 'key_mismatch', since }),
  );
  const request = {
    instanceIds: undefined,
    forget: [],
    malformed: Array(100).fill('é'.repeat(100)),
    duplicates: ids,
  };
  const result = resultOf(Object.fromEntries(ids.map((id) => [id, silent])));
  const applied = applySweep(undefined, result, RULES);
  const summary = withReport(
    summarize(result, applied.tally, applied.error, request),
    { ...applied, changes },
    new Date(since),
  );
  expect(summary.unreachable_guests[0]).toMatchObject({ since: expect.any(String) });
  expect(summary.changes).toHaveLength(100);
  expect(summary.changes_omitted).toBe(9900);
  expect(summary.changes_sentence).toMatch(/^10000 guests are unreachable for another reason: /);
  expect(Buffer.byteLength(JSON.stringify(summary))).toBeLessThan(MAX_BYTES);
});
