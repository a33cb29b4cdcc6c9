import { formatDuration, formatTime } from '../time/format.ts';
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
    change: 'gone',
    one: 'unreachable guest is gone',
    many: 'unreachable guests are gone',
    detail: reasonSince,
  },
  {
    change: 'reachable',
    one: 'guest is reachable again',
    many: 'guests are reachable again',
    detail: ({ since }, now) => `after ${formatDuration(now.getTime() - Date.parse(since))}`,
  },
];

/** Worst first, as {@link changesSentence} names them. */
export function bySeverity(changes: readonly Change[]): Change[] {
  const rank = ({ change }: Change) => WORDS.findIndex((words) => words.change === change);
  return changes.toSorted((a, b) => rank(a) - rank(b));
}

/**
 * The changes as a sentence for people, such as `1 guest became unreachable: <id> (no_consumer, since 14:05 UTC).`
 * Has neither quotes nor line breaks, so that EventBridge can put it into any text.
 *
 * @returns undefined where nothing has changed
 */
export function changesSentence(changes: readonly Change[], now: Date): string | undefined {
  if (changes.length === 0) return undefined;
  const parts: string[] = [];
  for (const { change, one, many, detail } of WORDS) {
    const alike = changes.filter((each) => each.change === change);
    if (alike.length === 0) continue;
    const named = alike.slice(0, MAX_IN_NOTICE).map((each) => `${each.instance_id} (${detail(each, now)})`);
    const more = alike.length > MAX_IN_NOTICE ? ` and ${alike.length - MAX_IN_NOTICE} more` : '';
    parts.push(`${alike.length} ${alike.length === 1 ? one : many}: ${named.join(', ')}${more}`);
  }
  return `${parts.join('; ')}.`;
}

function reasonSince({ reason, since }: Change, now: Date): string {
  return `${reason}, since ${formatTime(since, now.getTime())} UTC`;
}
