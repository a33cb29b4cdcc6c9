import { excerpt } from '../excerpt.ts';
import { REASONS, type Reason } from '../guest/reason.ts';
import { formatDuration, formatTime } from '../time/format.ts';
import { cut, formatCount, guestCount, type Html, html, timeElement } from './html.ts';
import type { Apart, Overview, ShownGuest } from './overview.ts';

/** Rows of each reason. The other guests are only counted, since a widget's size has a limit. */
const MAX_ROWS = 50;

/** Longest name, project, hypervisor or status. */
const MAX_TEXT = 64;

/** The kinds of silent guests that do not count as unreachable: what they are, and what to do. */
const APART: Readonly<
  Record<Apart, { readonly title: string; readonly means: string; readonly todo?: string }>
> = {
  muted: { title: 'muted', means: 'An operator wants to hear nothing of these guests for a while.' },
  expected_silent: {
    title: 'silence expected',
    means: 'Trove builds, restarts, changes or stops these instances.',
  },
  new: { title: 'new', means: 'These guests have never answered. They may still be booting.' },
  abandoned: {
    title: 'abandoned',
    means: 'These guests have been unreachable for so long that they are no longer counted.',
    todo: 'Delete the instance in Trove, or forget it: npm run health-check -- --forget ID.',
  },
  orphaned: {
    title: 'orphaned queues',
    means: 'Trove has deleted these instances; their queues are left on the broker.',
    todo: 'Delete each queue: rabbitmqctl delete_queue guestagent.ID.',
  },
};

/** Makes a link to a guest's page of a text. */
export type LinkTo = (id: string, text: Html) => Html;

interface Shown {
  readonly nowMs: number;
  readonly linkTo: LinkTo;
}

/** The guests that are not reachable, by reason: what the reason means, what to do first, and since when. */
export function guestTable(
  { unreachable, recovering, apart, contradicted }: Overview,
  nowMs: number,
  linkTo: LinkTo = (_, text) => text,
): Html {
  const shown = { nowMs, linkTo };
  const groups = [
    ...[...unreachable].map(([reason, guests]) => reasonGroup(reason, guests, shown)),
    recoveringGroup(recovering, shown),
    contradictedGroup(contradicted, shown),
    ...[...apart].map(([why, guests]) => apartGroup(why, guests, shown)),
  ].filter((group) => group !== undefined);
  if (groups.length === 0) return html``;
  return html`<table>
<thead><tr><th scope="col">Guest</th><th scope="col">Since <small>(UTC)</small></th><th scope="col">For</th><th scope="col" class="number">Waiting messages</th></tr></thead>
${groups}</table>`;
}

function reasonGroup(reason: Reason, guests: readonly ShownGuest[], shown: Shown): Html {
  const { means, todo } = REASONS[reason];
  const title = html`<b class="bad">${reason}</b> · ${guestCount(guests.length)}<p>${means} <b>First:</b> ${todo}</p>`;
  return group(title, guests, shown, (guest) => html`${remark(guest, shown.nowMs)}${troveStatus(guest)}`);
}

function apartGroup(why: Apart, guests: readonly ShownGuest[], shown: Shown): Html | undefined {
  if (guests.length === 0) return undefined;
  const { title, means, todo } = APART[why];
  const heading = html`<b>${title}</b> · ${guestCount(guests.length)}<p>${means}${todo && html` <b>First:</b> ${todo}`}</p>`;
  return group(heading, guests, shown, (guest) => html` <small>${guest.reason}</small>${troveStatus(guest)}`);
}

function contradictedGroup(guests: Overview['contradicted'], shown: Shown): Html | undefined {
  if (guests.length === 0) return undefined;
  const title = html`<b class="warn">Trove says otherwise</b> · ${guestCount(guests.length)}<p>These guests answer, though Trove takes them for dead or does not know them. <b>First:</b> check that trove-conductor runs, and that the agent is configured with this deployment.</p>`;
  return group(title, guests, shown, (guest) => troveStatus(guest) ?? html` <small>not in Trove</small>`);
}

function recoveringGroup(guests: readonly ShownGuest[], shown: Shown): Html | undefined {
  if (guests.length === 0) return undefined;
  const title = html`<b class="warn">reachable again</b> · ${guestCount(guests.length)}<p>The last sweep reached these guests; sweeps before did not. A guest that stays reachable leaves this list.</p>`;
  const remarkOf = (guest: ShownGuest) =>
    html`${remark(guest, shown.nowMs)} <small>was ${guest.reason}</small>`;
  return group(title, guests, shown, remarkOf);
}

/** What a row shows. */
type Row = Omit<Overview['contradicted'][number], 'lists'> & Pick<Partial<ShownGuest>, 'waiting_messages'>;

function group<Guest extends Row>(
  title: Html,
  guests: readonly Guest[],
  options: Shown,
  remarkOf: (guest: Guest) => Html,
): Html {
  const { shown, omitted } = excerpt(guests, MAX_ROWS);
  return html`<tbody>
<tr><th colspan="4" scope="rowgroup">${title}</th></tr>
${shown.map((guest) => row(guest, options, remarkOf(guest)))}${omitted > 0 ? html`<tr><td colspan="4" class="more">… and ${formatCount(omitted)} more</td></tr>` : undefined}
</tbody>`;
}

function row(guest: Row, { nowMs, linkTo }: Shown, remarked: Html): Html {
  const { id, since, waiting_messages: waiting } = guest;
  const age = formatDuration(nowMs - Date.parse(since));
  return html`<tr><td>${origin(guest)}${linkTo(id, html`<code>${id}</code>`)}${remarked}</td><td>${timeElement(since, nowMs)}</td><td>${age}</td><td class="number">${waiting === undefined ? '–' : formatCount(waiting)}</td></tr>
`;
}

/** Whose guest it is, and where, as Trove says. */
function origin({ name, project_id: project, hypervisor }: Row): Html | undefined {
  if (name === undefined) return undefined;
  const where = [project && `project ${cut(project, MAX_TEXT)}`, hypervisor && cut(hypervisor, MAX_TEXT)];
  return html`<div><b>${cut(name, MAX_TEXT)}</b> <small>${where.filter(Boolean).join(' · ')}</small></div>`;
}

/** What Trove calls the guest, beside what was found. */
function troveStatus({ trove_status: status }: Row): Html | undefined {
  return status ? html` <small>Trove: ${cut(status, MAX_TEXT)}</small>` : undefined;
}

function remark({ reported, sweeps, flips_since: since, consumers }: ShownGuest, nowMs: number): Html {
  const count = consumers ?? 0;
  const agents = count > 1 ? html` <small class="warn">${count} consumers</small>` : undefined;
  if (reported === 'flapping')
    return html`${agents} <small class="warn">flapping since ${formatTime(since, nowMs)} UTC</small>`;
  if (reported !== 'nothing') return html`${agents}`;
  return html`${agents} <small>new: ${sweeps === 1 ? 'one sweep' : `${sweeps} sweeps`} so far</small>`;
}
