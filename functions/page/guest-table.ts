import { REASONS, type Reason } from '../guest/reason.ts';
import { formatDuration, formatTime } from '../time/format.ts';
import { formatCount, guestCount, type Html, html, timeElement } from './html.ts';
import type { Overview, ShownGuest } from './overview.ts';

/** Rows of each reason. The other guests are only counted, since a widget's size has a limit. */
const MAX_ROWS = 50;

/** The guests that are not reachable, by reason: what the reason means, what to do first, and since when. */
export function guestTable({ unreachable, recovering }: Overview, nowMs: number): Html {
  if (unreachable.size === 0 && recovering.length === 0) return html``;
  return html`<table>
<thead><tr><th scope="col">Guest</th><th scope="col">Since <small>(UTC)</small></th><th scope="col">For</th><th scope="col" class="number">Waiting messages</th></tr></thead>
${[...unreachable].map(([reason, guests]) => reasonGroup(reason, guests, nowMs))}${recoveringGroup(recovering, nowMs)}</table>`;
}

function reasonGroup(reason: Reason, guests: readonly ShownGuest[], nowMs: number): Html {
  const { means, todo } = REASONS[reason];
  const title = html`<b class="bad">${reason}</b> · ${guestCount(guests.length)}<p>${means} <b>First:</b> ${todo}</p>`;
  return group(title, guests, nowMs, (guest) => remark(guest, nowMs));
}

function recoveringGroup(guests: readonly ShownGuest[], nowMs: number): Html {
  if (guests.length === 0) return html``;
  const title = html`<b class="warn">reachable again</b> · ${guestCount(guests.length)}<p>The last sweep reached these guests; sweeps before did not. A guest that stays reachable leaves this list.</p>`;
  return group(
    title,
    guests,
    nowMs,
    (guest) => html`${remark(guest, nowMs)} <small>was ${guest.reason}</small>`,
  );
}

function group(
  title: Html,
  guests: readonly ShownGuest[],
  nowMs: number,
  remarkOf: (guest: ShownGuest) => Html,
): Html {
  const shown = guests.slice(0, MAX_ROWS);
  const omitted = guests.length - shown.length;
  return html`<tbody>
<tr><th colspan="4" scope="rowgroup">${title}</th></tr>
${shown.map((guest) => row(guest, nowMs, remarkOf(guest)))}${omitted > 0 ? html`<tr><td colspan="4" class="more">… and ${formatCount(omitted)} more</td></tr>` : undefined}
</tbody>`;
}

function row(guest: ShownGuest, nowMs: number, remarked: Html): Html {
  const { id, since, waiting_messages: waiting } = guest;
  const age = formatDuration(nowMs - Date.parse(since));
  return html`<tr><td><code>${id}</code>${remarked}</td><td>${timeElement(since, nowMs)}</td><td>${age}</td><td class="number">${waiting === undefined ? '–' : formatCount(waiting)}</td></tr>
`;
}

function remark({ reported, sweeps, flips_since: flipsSince }: ShownGuest, nowMs: number): Html {
  if (reported === 'flapping')
    return html` <small class="warn">flapping since ${formatTime(flipsSince, nowMs)} UTC</small>`;
  if (reported === 'nothing')
    return html` <small>new: ${sweeps === 1 ? 'one sweep' : `${sweeps} sweeps`} so far</small>`;
  return html``;
}
