import type { SweepResult } from '../sweep/sweep-result.ts';
import type { ControlPlaneTopic } from './fleet-state.ts';

/**
 * The control plane's topics after a sweep. One that has never been there is `not_seen`: that deployment may have no such
 * server. Where the broker refused the ping, nothing is known.
 *
 * @returns undefined where the control plane was not pinged
 */
export function controlPlane(
  before: readonly ControlPlaneTopic[] = [],
  { controlPlane: findings, endedAt }: SweepResult,
): ControlPlaneTopic[] | undefined {
  return findings?.map(({ topic, reason }) => {
    if (reason === undefined) return { topic, reachable: true };
    if (reason.startsWith('broker_')) return { topic, reachable: null, reason: 'unknown' };
    const known = before.find((each) => each.topic === topic);
    const isMissing = reason === 'queue_missing' || reason === 'exchange_missing';
    if (isMissing && (known === undefined || known.reachable === null))
      return { topic, reachable: null, reason: 'not_seen' };
    const since = (known?.reachable === false && known.since) || endedAt.toISOString();
    return { topic, reachable: false, reason, since };
  });
}
