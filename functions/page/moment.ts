import { type Html, html } from './html.ts';

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000] as const;

/** A length of time in words, in its two greatest units: `40 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. */
export function lasting(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  return ms < DAY ? twoUnits(ms, HOUR, 'h', MINUTE, 'min') : twoUnits(ms, DAY, 'd', HOUR, 'h');
}

/** A moment in UTC: `14:05`, with its date where that is not today's. */
export function clock(moment: string, nowMs: number): string {
  const [date = '', time = ''] = moment.split('T');
  const isToday = date === new Date(nowMs).toISOString().split('T')[0];
  return isToday ? time.slice(0, 5) : `${date} ${time.slice(0, 5)}`;
}

/** The same as an element that has the exact moment. */
export function timeElement(moment: string, nowMs: number): Html {
  return html`<time datetime="${moment}">${clock(moment, nowMs)}</time>`;
}

function twoUnits(ms: number, great: number, greatName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % great) / small);
  return `${Math.floor(ms / great)} ${greatName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
}
