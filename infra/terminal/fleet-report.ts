import { styleText } from 'node:util';
import type { ReportedSummary } from '../../functions/changes/report.ts';
import { andMore } from '../../functions/excerpt.ts';
import { REASONS } from '../../functions/guest/reason.ts';
import type { UnreachableGuest } from '../../functions/sweep/summary.ts';
import { formatDuration } from '../../functions/time/format.ts';
import { showControlCharacters } from './control-characters.ts';
import { type Row, tableOf } from './table.ts';

/**
 * A sweep's summary as text for a person: the unreachable guests, worst first, their reasons, what has changed, and the totals.
 *
 * @param tracebacks of the guests that answered with an exception, to be shown below that reason
 */
export function fleetReport(summary: ReportedSummary, tracebacks: readonly string[] = []): string {
  const parts = [
    unreachableTable(summary),
    ...explanations(summary, tracebacks),
    changes(summary),
    totals(summary),
    ...remarks(summary).map(showControlCharacters),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

/** What has changed since the sweep before; empty where nothing has. */
export function changes({ changes_sentence: sentence = '' }: ReportedSummary): string {
  return sentence && styleText('yellow', showControlCharacters(sentence));
}

export function totals(summary: ReportedSummary): string {
  const { checked, reachable, unreachable, unknown, round_trip_ms: times, duration_ms: duration } = summary;
  const silent = apart(summary);
  const guests = reachable + unreachable + Object.values(silent).reduce((sum, count) => sum + count, 0);
  const queues = checked - guests; // of deleted instances; the summary has the ids of a hundred at most
  const { guests_unencrypted: inTheClear, guests_with_several_consumers: doubled } = summary;
  const color = summary.error || unreachable > 0 || unknown > 0 ? 'red' : 'green';
  const counts = [
    `${reachable} of ${guests + unknown} guests reachable`,
    ...Object.entries(summary.unreachable_by_reason).map(([reason, count]) => `${count} ${reason}`),
    ...Object.entries(silent).flatMap(([kind, count]) => (count > 0 ? [`${count} ${kind}`] : [])),
    ...(queues > 0 ? [`${queues} orphaned ${queues === 1 ? 'queue' : 'queues'}`] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
    ...(inTheClear > 0 ? [`${inTheClear} answered in the clear, though their key is known`] : []),
    ...(doubled > 0 ? [`${doubled} with several agents`] : []),
  ];
  const trip = times ? `  round trip p50 ${times.p50} ms, p99 ${times.p99} ms, max ${times.max} ms` : '';
  return `${styleText(color, counts.join(', '))}${trip}  in ${duration / 1000} s`;
}

/** The silent guests that are counted apart, by kind. */
function apart(summary: ReportedSummary): Readonly<Record<string, number>> {
  const { muted, abandoned, new: never, expected_silent: silent } = summary;
  return { muted, abandoned, new: never, 'expected to be silent': silent };
}

function unreachableTable(summary: ReportedSummary): string {
  const { unreachable_guests: guests, unreachable_guests_omitted: omitted } = summary;
  if (guests.length === 0) return '';
  return `${tableOf(guests.map(row), ['consumers', 'waiting messages'])}${omitted > 0 ? `\n…${andMore(omitted)}` : ''}`;
}

function row(guest: UnreachableGuest): Row {
  const { consumers, waiting_messages: waiting, since } = guest;
  const text = (value: string | undefined) => value && showControlCharacters(value);
  return {
    instance: guest.instance_id,
    name: text(guest.name),
    project: text(guest.project_id),
    hypervisor: text(guest.hypervisor),
    'Trove says': text(guest.trove_status),
    reason: guest.reason,
    'since (UTC)': since?.slice(0, 19).replace('T', ' '),
    consumers: consumers === null ? 'not known' : consumers,
    'waiting messages': waiting,
  };
}

/** One line for each reason in the table: what the reason means, and what to do. */
function explanations(
  { unreachable_by_reason: reasons }: ReportedSummary,
  tracebacks: readonly string[],
): string[] {
  return Object.entries(REASONS)
    .filter(([reason]) => reason in reasons)
    .flatMap(([reason, { means, todo }]) => [
      `${reason}: ${means} ${todo}`,
      ...(reason === 'guest_error' ? tracebacks : []),
    ]);
}

function remarks(summary: ReportedSummary): string[] {
  const { error, malformed_ids: malformed, duplicate_ids: duplicates, unseen_ids: unseen = [] } = summary;
  const { list_problem: problem, state_problem: stateProblem, orphaned_queues: orphaned } = summary;
  const { control_plane: topics = [], contradicted = [] } = summary;
  const [, { todo } = { todo: '' }] =
    Object.entries(REASONS).find(([reason]) => reason === error?.code) ?? [];
  return [
    ...(error ? [`${error.code}: ${error.message}. ${todo}`.trim()] : []),
    ...(error?.broker_said ? [`The broker said: ${error.broker_said}`] : []),
    ...topics
      .filter(({ reachable }) => reachable === false)
      .map(({ topic, reason }) => `Trove's ${topic} is unreachable: ${reason}.`),
    ...contradicted.map(({ instance_id: id, name = '', trove_status: status }) =>
      `${name} ${id} answers, though Trove ${status === null ? 'does not know it' : `calls it ${status}`}.`.trim(),
    ),
    ...(orphaned.length > 0 ? [`Queues left of deleted instances: ${orphaned.join(', ')}`] : []),
    ...(problem ? [`${origin(summary)} ${problem}`] : []),
    ...(stateProblem ? [`${stateProblem.code}: ${stateProblem.message}.`] : []),
    ...(malformed.length > 0 ? [`Not instance ids: ${malformed.join(', ')}`] : []),
    ...(duplicates.length > 0 ? [`Named more than once: ${duplicates.join(', ')}`] : []),
    ...(unseen.length > 0 ? [`To be forgotten, but seen by no sweep: ${unseen.join(', ')}`] : []),
  ];
}

function origin({ guests_from: from, list_age_ms: ageMs }: ReportedSummary): string {
  const age = ageMs === undefined ? '' : ` of ${formatDuration(ageMs)} ago`;
  if (from === 'queues') return 'The bindings could not be listed: these are the guests that have a queue.';
  if (from === 'last_list') return `The guests are those of the list${age || ' before'}.`;
  return age ? `Trove's list is that${age}.` : "Trove's list is missing, or not whole.";
}
