import { andMore, excerpt } from '../excerpt.ts';
import { DAY_MS, formatDuration } from '../time/format.ts';
import type { GuestState } from './fleet-state.ts';

/** How many guests are still unreachable, and the groups, by reason and hypervisor, with those that have been for longest. */
export type Reminder = Readonly<NonNullable<ReturnType<typeof reminderOf>>>;

const MAX_GROUPS = 5;
const MAX_IN_GROUP = 3;

/**
 * The reminder that is due: a guest has been unreachable for long enough, and there was no reminder for a day.
 *
 * @param silent the guests that are reported as unreachable, and are neither muted nor counted apart
 * @param told the guests that are in the same notice anyway
 * @param remindedAt when the last reminder was due
 * @param afterMs 0: never
 */
export function reminderOf(
  silent: Iterable<readonly [id: string, guest: GuestState]>,
  told: ReadonlySet<string>,
  remindedAt: string | undefined,
  now: Date,
  afterMs: number,
) {
  const age = (moment: string) => now.getTime() - Date.parse(moment);
  const isToday = remindedAt !== undefined && Math.abs(age(remindedAt)) < DAY_MS; // a clock may have been set back
  if (afterMs === 0 || isToday) return undefined;
  const all = [...silent].sort(([, a], [, b]) => a.since.localeCompare(b.since));
  const [[, longest] = []] = all;
  if (longest === undefined || age(longest.since) < afterMs) return undefined;
  const old = all.filter(([id]) => !told.has(id));
  const groups = Map.groupBy(old, ([, { reason, hypervisor = '' }]) => `${reason} ${hypervisor}`);
  return { guests: old.length, groups: excerpt([...groups.values()], MAX_GROUPS).shown.flatMap(groupOf) };
}

function groupOf(guests: readonly (readonly [id: string, guest: GuestState])[]) {
  const [[, first] = []] = guests;
  if (first === undefined) return [];
  const { reason, hypervisor } = first;
  const longest = excerpt(guests, MAX_IN_GROUP).shown.map(([id, { name, since }]) => ({
    instance_id: id,
    ...(name && { name }),
    since,
  }));
  return [{ reason, ...(hypervisor && { hypervisor }), guests: guests.length, longest }];
}

/** Such as `3 guests are still unreachable: 2 by no_reply on compute-7 (db-1 <id> for 3 d, <id> for 1 d), 1 by …`. */
export function reminderSentence({ guests, groups }: Reminder, now: Date): string {
  const parts = groups.map(({ reason, hypervisor, guests: count, longest }) => {
    const named = longest.map(
      ({ instance_id: id, name, since }) =>
        `${name ? `${name} ` : ''}${id} for ${formatDuration(now.getTime() - Date.parse(since))}`,
    );
    const where = hypervisor ? ` on ${hypervisor}` : '';
    return `${count} by ${reason}${where} (${named.join(', ')}${andMore(count - longest.length)})`;
  });
  const others = guests - groups.reduce((sum, { guests: count }) => sum + count, 0);
  const are = guests === 1 ? 'guest is' : 'guests are';
  return `${guests} ${are} still unreachable: ${parts.join(', ')}${andMore(others)}`;
}
