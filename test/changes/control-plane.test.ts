import { expect, test } from '@jest/globals';
import { controlPlane } from '../../functions/changes/control-plane-history.ts';
import type { ControlPlaneTopic } from '../../functions/changes/fleet-state.ts';
import type { TopicFinding } from '../../functions/sweep/control-plane.ts';
import { sweepResult } from '../../functions/sweep/sweep-result.ts';

const NOW = new Date('2026-11-28T14:00:00.000Z');
const BEFORE = '2026-11-28T13:00:00.000Z';

function after(finding: TopicFinding, before?: ControlPlaneTopic): ControlPlaneTopic[] | undefined {
  const sweep = { verdicts: new Map(), unreached: new Set<string>(), failedAt: () => undefined };
  const run = { end: { kind: 'complete' }, origin: { from: 'bindings' } } as const;
  const times = { startedAt: NOW, endedAt: NOW, durationMs: 1 };
  const result = sweepResult(sweep, { ...run, ...times, controlPlane: [finding] });
  return controlPlane(before && [before], result);
}

const topic = 'taskmanager';
const alive = { topic, reachable: true };
const down = { topic, reachable: false, reason: 'no_reply', since: BEFORE };
const notSeen = { topic, reachable: null, reason: 'not_seen' };

test.each<[string, TopicFinding, ControlPlaneTopic | undefined, ControlPlaneTopic]>([
  ['answers', { topic }, down, alive],
  ['was never there', { topic, reason: 'queue_missing' }, undefined, notSeen],
  ['is not there yet', { topic, reason: 'exchange_missing' }, notSeen, notSeen],
  [
    'is gone',
    { topic, reason: 'queue_missing' },
    alive,
    { topic, reachable: false, reason: 'queue_missing', since: NOW.toISOString() },
  ],
  [
    'is there and silent',
    { topic, reason: 'no_consumer' },
    undefined,
    { topic, reachable: false, reason: 'no_consumer', since: NOW.toISOString() },
  ],
  ['stays silent', { topic, reason: 'no_reply' }, down, down],
  [
    'may not be pinged',
    { topic, reason: 'broker_refused' },
    alive,
    { topic, reachable: null, reason: 'unknown' },
  ],
])('a server that %s', (_what, finding, before, expected) => {
  expect(after(finding, before)).toEqual([expected]);
});
