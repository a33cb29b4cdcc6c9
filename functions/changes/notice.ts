import { andMore, excerpt } from '../excerpt.ts';
import { formatDuration, formatTime } from '../time/format.ts';
import type { Applied } from './apply-sweep.ts';
import { causeSentence } from './common-cause.ts';
import { reminderSentence } from './reminder.ts';
import type { Change } from './transition.ts';

/** How many guests of a kind a notice names; the others are counted. */
const MAX_IN_NOTICE = 5;

/** The kinds of changes, worst first, in words for one guest and for many. */
const WORDS: Readonly<Record<Change['change'], readonly [one: string, many: string]>> = {
  unreachable: ['guest became unreachable', 'guests became unreachable'],
  flapping: ['guest is flapping', 'guests are flapping'],
  reason_changed: ['guest is unreachable for another reason', 'guests are unreachable for another reason'],
  mute_ended: [
    'guest is still unreachable, and no longer muted',
    'guests are still unreachable, and no longer muted',
  ],
  abandoned: [
    'guest has been unreachable for so long that it counts as abandoned (this is the last reminder)',
    'guests have been unreachable for so long that they count as abandoned (this is the last reminder)',
  ],
  deleted: ['unreachable guest was deleted in Trove', 'unreachable guests were deleted in Trove'],
  unknown_to_trove: [
    'guest answers, though Trove does not know it',
    'guests answer, though Trove does not know them',
  ],
  reachable: ['guest is reachable again', 'guests are reachable again'],
};

/** Worst first, as a {@link notice} names them. */
export function bySeverity(changes: readonly Change[]): Change[] {
  return Object.keys(WORDS).flatMap((kind) => changes.filter(({ change }) => change === kind));
}

/**
 * What has changed as a sentence for people, such as `1 guest became unreachable: <id> (no_consumer, since 14:05 UTC).`
 * Has neither quotes nor line breaks, so that EventBridge can put it into any text.
 *
 * @returns undefined where nothing has changed
 */
export function notice(
  { changes, shrank, cause, reminder }: Pick<Applied, 'changes' | 'shrank' | 'cause' | 'reminder'>,
  now: Date,
): string | undefined {
  const parts = cause ? [causeSentence(cause, now.getTime())] : [];
  if (shrank) {
    const { lost, from } = shrank;
    parts.push(`${lost} of ${from} guests that answered before ${lost === 1 ? 'does' : 'do'} not answer`);
  }
  for (const [kind, [one, many]] of Object.entries(WORDS)) {
    const alike = changes.filter(({ change }) => change === kind);
    if (alike.length === 0) continue;
    const { shown, omitted } = excerpt(alike, MAX_IN_NOTICE);
    const named = shown.map((each) => `${nameOf(each)} (${detail(each, now)})`);
    parts.push(`${alike.length} ${alike.length === 1 ? one : many}: ${named.join(', ')}${andMore(omitted)}`);
  }
  if (reminder) parts.push(reminderSentence(reminder, now));
  return parts.length === 0 ? undefined : `${parts.join('; ')}.`;
}

function nameOf({ instance_id: id, name }: Change): string {
  return name ? `${name} ${id}` : id;
}

function detail({ change, reason, since }: Change, now: Date): string {
  if (change === 'reachable') return `after ${formatDuration(now.getTime() - Date.parse(since))}`;
  return `${reason ? `${reason}, ` : ''}since ${formatTime(since, now.getTime())} UTC`;
}
