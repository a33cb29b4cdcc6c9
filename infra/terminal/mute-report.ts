import type { MuteList } from '../../functions/changes/mutes.ts';
import { showControlCharacters } from './control-characters.ts';
import { minuteOf } from './table.ts';

/** The mutes as text for a person, one a line. */
export function muteReport({ mutes }: MuteList): string {
  if (mutes.length === 0) return 'Nothing is muted.';
  const lines = mutes.map(({ target, until, guests, matched, author, note }) => {
    const who = [author && `by ${author}`, note].filter(Boolean).join(': ');
    return `${target} is muted until ${minuteOf(until)} UTC${who && `, ${who}`} (${matched === 0 ? 'no guest now' : `${guests} silent now`})`;
  });
  return lines.map(showControlCharacters).join('\n');
}
