const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000] as const;
export const DAY_MS = 86_400_000;

/** A length of time in its two largest units, rounded down: `40 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. Never negative. */
export function formatDuration(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  return ms < DAY_MS ? twoUnits(ms, HOUR, 'h', MINUTE, 'min') : twoUnits(ms, DAY_MS, 'd', HOUR, 'h');
}

/** A moment (ISO 8601, UTC) as `14:05`, with its date where that is not the day of `nowMs`. The caller adds "UTC". */
export function formatTime(moment: string, nowMs: number): string {
  const [date = '', time = ''] = moment.split('T');
  const isToday = new Date(nowMs).toISOString().startsWith(date);
  return isToday ? time.slice(0, 5) : `${date} ${time.slice(0, 5)}`;
}

function twoUnits(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
}
