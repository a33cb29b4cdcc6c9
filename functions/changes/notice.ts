import { formatDuration, formatTime } from '../time/format.ts';
import type { Applied } from './apply-sweep.ts';
import { causeSentence } from './common-cause.ts';
import type { Change } from './transition.ts';

/** How many guests of a kind a notice names; the others are counted. */
const MAX_IN_NOTICE = 5;

/** The kinds of changes, worst first, each in words. */
const WORDS: readonly {
  readonly change: Change['change'];
  readonly one: string;
  readonly many: string;
  /** What is said of one guest. */
  readonly detail: (change: Change, now: Date) => string;
}[] = [
  {
    change: 'unreachable',
    one: 'guest became unreachable',
    many: 'guests became unreachable',
    detail: reasonSince,
  },
  { change: 'flapping', one: 'guest is flapping', many: 'guests are flapping', detail: reasonSince },
  {
    change: 'reason_changed',
    one: 'guest is unreachable for another reason',
    many: 'guests are unreachable for another reason',
    detail: reasonSince,
  },
  {
    change: 'abandoned',
    one: 'guest has been unreachable for so long that it counts as abandoned',
    many: 'guests have been unreachable for so long that they count as abandoned',
    detail: reasonSince,
  },
  {
    change: 'deleted',
    one: 'unreachable guest was deleted in Trove',
    many: 'unreachable guests were deleted in Trove',
    detail: reasonSince,
  },
  {
    change: 'unknown_to_trove',
    one: 'guest answers, though Trove does not know it',
    many: 'guests answer, though Trove does not know them',
    detail: ({ since }, now) => `since ${formatTime(since, now.getTime())} UTC`,
  },
  {
    change: 'reachable',
    one: 'guest is reachable again',
    many: 'guests are reachable again',
    detail: ({ since }, now) => `after ${formatDuration(now.getTime() - Date.parse(since))}`,
  },
];

/** Worst first, as a {@link notice} names them. */
export function bySeverity(changes: readonly Change[]): Change[] {
  const rank = ({ change }: Change) => WORDS.findIndex((words) => words.change === change);
  return changes.toSorted((a, b) => rank(a) - rank(b));
}

/**
 * What has changed as a sentence for people, such as `1 guest became unreachable: <id> (no_consumer, since 14:05 UTC).`
 * Has neither quotes nor line breaks, so that EventBridge can put it into any text.
 *
 * @returns undefined where nothing has changed
 */
export function notice(
  { changes, shrank, cause }: Pick<Applied, 'changes' | 'shrank' | 'cause'>,
  now: Date,
): string | undefined {
  const parts = cause ? [causeSentence(cause, now.getTime()).replace(/\.$/, '')] : [];
  if (shrank) parts.push(`${shrank.lost} of ${shrank.from} guests that answered before do not answer`);
  for (const { change, one, many, detail } of WORDS) {
    const alike = changes.filter((each) => each.change === change);
    if (alike.length === 0) continue;
    const named = alike.slice(0, MAX_IN_NOTICE).map((each) => `${nameOf(each)} (${detail(each, now)})`);
    const more = alike.length > MAX_IN_NOTICE ? ` and ${alike.length - MAX_IN_NOTICE} more` : '';
    parts.push(`${alike.length} ${alike.length === 1 ? one : many}: ${named.join(', ')}${more}`);
  }
  return parts.length === 0 ? undefined : `${parts.join('; ')}.`;
}

function nameOf({ instance_id: id, name }: Change): string {
  return name ? `${name} ${id}` : id;
}

function reasonSince({ reason, since }: Change, now: Date): string {
  return `${reason}, since ${formatTime(since, now.getTime())} UTC`;
}
