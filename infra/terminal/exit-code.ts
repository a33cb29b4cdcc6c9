import type { ReportedSummary } from '../../functions/changes/report.ts';

/** How `npm run health-check` ends. `couldNotRun` also where there is no guest: nothing was looked at. */
export const EXIT = {
  allReachable: 0,
  someUnreachable: 1,
  brokerUnreachable: 2,
  couldNotRun: 3,
  malformedId: 4,
} as const;

export function exitCode({ broker_reachable, error, unreachable, unknown }: ReportedSummary): number {
  if (!broker_reachable) return EXIT.brokerUnreachable;
  if (error?.code === 'fleet_unknown' || error?.code === 'fleet_empty') return EXIT.couldNotRun;
  return unreachable + unknown === 0 ? EXIT.allReachable : EXIT.someUnreachable;
}
