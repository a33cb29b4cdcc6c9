import type { ReportedSummary } from '../changes/report.ts';
import {
  hasSeveralConsumers,
  isInTheClear,
  type Silent,
  type SweepResult,
  type Tally,
} from '../sweep/sweep-result.ts';
import { embedded, MAX_VALUES } from './embedded-metrics.ts';
import { Log } from './log.ts';
import { unreachableFields } from './unreachable-fields.ts';

/** The log of the health check; `health-check` is the metrics' dimension `service`. */
export const log = new Log('health-check');

/** What is no fault of the sweep: it was complete. */
const OF_THE_FLEET: ReadonlySet<string> = new Set(['fleet_empty', 'fleet_shrank']);

/** How many ids a line takes at most: some 37 KB, of the 256 KB of a log event. */
const IDS_A_LINE = 1000;

/** Guests that answered, and deserve a look all the same, by the message of their lines. */
const DOUBTFUL = { guests_unencrypted: isInTheClear, guests_with_several_consumers: hasSeveralConsumers };

/**
 * One log line for the sweep, one for each of the unreachable guests that the summary lists, the ids of all others, one
 * line for each change, and the metrics (EMF).
 */
export function recordSweep(
  requestId: string,
  result: SweepResult,
  { totals, unreachable }: Tally,
  summary: ReportedSummary,
): void {
  const { unreachable_guests: listed } = summary;
  for (const [index, { id, why }] of unreachable.slice(0, listed.length).entries()) {
    const { name, project_id, hypervisor, trove_status } = listed[index] ?? {};
    const known = { name, project_id, hypervisor, trove_status };
    const fields = { request_id: requestId, instance_id: id, ...known, outcome: 'unreachable' };
    log.warn('guest_unreachable', { ...fields, ...unreachableFields(why) });
  }
  const others = Map.groupBy(unreachable.slice(listed.length), ({ why }) => why.reason);
  for (const [reason, guests] of others)
    recordIds('more_unreachable', { request_id: requestId, outcome: 'unreachable', reason }, guests);
  for (const [message, isMeant] of Object.entries(DOUBTFUL)) {
    const meant = result.verdicts.entries().filter(([, verdict]) => isMeant(verdict));
    const guests = meant.map(([id]) => ({ id })).toArray();
    recordIds(message, { request_id: requestId, outcome: 'reachable' }, guests);
  }
  for (const change of summary.changes ?? []) log.info('guest_changed', { request_id: requestId, ...change });
  const found = summary.unreachable > 0 ? 'unreachable' : 'reachable';
  const line = listsLast({ request_id: requestId, outcome: summary.error ? 'error' : found, ...summary });
  if (summary.error) log.error('health_check', line);
  else log.info('health_check', line);
  recordMetrics(requestId, result, totals, summary);
}

/** The ids are one text, since CloudWatch Logs Insights takes no more than 200 fields, or elements, from a line. */
function recordIds(message: string, fields: object, guests: readonly Pick<Silent, 'id'>[]): void {
  for (let first = 0; first < guests.length; first += IDS_A_LINE) {
    const ids = guests.slice(first, first + IDS_A_LINE).map(({ id }) => id);
    log.warn(message, { ...fields, guests: ids.length, instance_ids: ids.join(' ') });
  }
}

/** CloudWatch Logs Insights reads no more than the first 200 fields, or elements, of a line. */
function listsLast(fields: object): Record<string, unknown> {
  const entries = Object.entries(fields);
  return Object.fromEntries(
    entries.sort(([, a], [, b]) => Number(Array.isArray(a)) - Number(Array.isArray(b))),
  );
}

function recordMetrics(
  requestId: string,
  { roundTripsMs }: SweepResult,
  { orphaned }: Tally['totals'],
  summary: ReportedSummary,
): void {
  const { checked, reachable, unreachable, error, control_plane: topics, state_problem: problem } = summary;
  // Also where no guest was checked, though some are remembered.
  const isShrunk =
    summary.shrunk || (checked === 0 && summary.unknown > 0 && summary.guests_from !== 'event');
  // A new history is saved from this sweep on.
  const isKept = problem?.code !== 'state_unreadable' && problem?.code !== 'state_not_kept';
  // Where nobody could be checked, a count of 0 unreachable guests would be wrong.
  const isKnown = checked > 0 || !error;
  const totals = embedded({
    BrokerReachable: summary.broker_reachable ? 1 : 0,
    SweepComplete: error && !OF_THE_FLEET.has(error.code) ? 0 : 1,
    GuestsChecked: checked,
    ...(isKnown && { GuestsReachable: reachable, GuestsUnreachable: unreachable }),
    GuestsUnknown: summary.unknown,
    GuestsNew: summary.new,
    GuestsAbandoned: summary.abandoned,
    GuestsExpectedSilent: summary.expected_silent,
    GuestsMuted: summary.muted,
    OrphanedQueues: orphaned,
    GuestsUnencrypted: summary.guests_unencrypted,
    ...(summary.changes && { FleetStateKept: isKept ? 1 : 0, FleetShrank: isShrunk ? 1 : 0 }),
    ...(topics && { ControlPlaneUnreachable: topics.filter(({ reachable }) => reachable === false).length }),
    SweepDuration: summary.duration_ms,
  });
  log.metrics({ request_id: requestId, ...totals });

  for (const [reason, count] of Object.entries(summary.unreachable_by_reason)) {
    const byReason = embedded({ GuestsUnreachable: count }, [['service', 'Reason']]);
    log.metrics({ request_id: requestId, Reason: reason, ...byReason });
  }

  const times = sample(roundTripsMs);
  if (times.length > 0) log.metrics({ request_id: requestId, ...embedded({ RoundTripTime: times }) });
}

/** All values, or as many as one EMF line takes, evenly from the least to the greatest: the percentiles stay. */
function sample(ascending: Float64Array): number[] {
  const { length } = ascending;
  if (length <= MAX_VALUES) return [...ascending];
  const step = (length - 1) / (MAX_VALUES - 1);
  return Array.from({ length: MAX_VALUES }, (_, index) => ascending[Math.round(index * step)] ?? 0);
}
