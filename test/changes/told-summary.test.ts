import { expect, test } from '@jest/globals';
import type { Change } from '../../functions/changes/guest-story.ts';
import { toldSummary } from '../../functions/changes/told-summary.ts';
import { summarize } from '../../functions/sweep/summary.ts';
import { Sweep, type Verdict } from '../../functions/sweep/sweep.ts';
import { Deadline } from '../../functions/time/deadline.ts';

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
  const sweep = new Sweep(ids, async () => silent, Deadline.never);
  const request = { instanceIds: undefined, malformed: Array(100).fill('é'.repeat(100)), duplicates: ids };
  const found = {
    ...summarize(sweep, request, { guests_from: 'bindings' }, undefined, 1000),
    unreachable_guests: ids.slice(0, 100).map((id) => ({
      instance_id: id,
      reason: 'no_consumer' as const,
      since,
      consumers: 1,
      waiting_messages: 1e9,
    })),
  };
  const summary = toldSummary(found, { changes, state: undefined }, new Date(since));
  expect(summary.changes).toHaveLength(100);
  expect(summary.changes_omitted).toBe(9900);
  expect(summary.changes_sentence).toMatch(/^10000 guests are unreachable for another reason: /);
  expect(Buffer.byteLength(JSON.stringify(summary))).toBeLessThan(MAX_BYTES);
});
