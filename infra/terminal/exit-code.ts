import type { ReportedSummary } from '../../functions/changes/report.ts';

/** How `npm run health-check` ends. `couldNotRun` also where there is no guest; `wrongId` also of a guest to forget that no sweep has seen. */
export const EXIT = {
  allReachable: 0,
  someUnreachable: 1,
  brokerUnreachable: 2,
  couldNotRun: 3,
  wrongId: 4,
} as const;

export function exitCode(summary: ReportedSummary): number {
  const { broker_reachable, error, unreachable, unknown, unseen_ids } = summary;
  if (!broker_reachable) return EXIT.brokerUnreachable;
  if (error?.code === 'fleet_unknown' || error?.code === 'fleet_empty') return EXIT.couldNotRun;
  if (unseen_ids) return EXIT.wrongId;
  return unreachable + unknown === 0 ? EXIT.allReachable : EXIT.someUnreachable;
}
