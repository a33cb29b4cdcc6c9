import { cut, excerpt } from '../excerpt.ts';
import { REASONS } from '../guest/reason.ts';
import type { Apart } from '../sweep/sweep-result.ts';
import { formatDuration, formatTime } from '../time/format.ts';
import { formatCount, guestCount, type Html, html, timeElement } from './html.ts';
import type { Overview, ShownGuest } from './overview.ts';

/** Rows of each reason. The other guests are only counted, since a widget's size has a limit. */
const MAX_ROWS = 50;

/** Longest name, project, hypervisor or status. */
const MAX_TEXT = 64;

/** What stands above a group of guests: what they are, and what to do. */
interface Heading {
  readonly title: string;
  readonly tone?: 'bad' | 'warn';
  readonly means: string;
  readonly todo?: string;
}

const RECOVERING: Heading = {
  title: 'reachable again',
  tone: 'warn',
  means:
    'The last sweep reached these guests; sweeps before did not. A guest that stays reachable leaves this list.',
};

const CONTRADICTED: Heading = {
  title: 'Trove says otherwise',
  tone: 'warn',
  means: 'These guests answer, though Trove takes them for dead or does not know them.',
  todo: 'Check that trove-conductor runs, and that the agent is configured with this deployment.',
};

/** Of silent guests that do not count as unreachable. */
export const HEADINGS: Readonly<Record<Apart, Heading>> = {
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

type Row = Omit<Overview['contradicted'][number], 'lists'> & Pick<Partial<ShownGuest>, 'waiting_messages'>;

/** The guests that are not reachable, by reason: what the reason means, what to do first, and since when. */
export function guestTable(
  { unreachable, recovering, apart, contradicted }: Overview,
  nowMs: number,
  linkTo: LinkTo = (_, text) => text,
): Html {
  const reported = (guest: ShownGuest) => html`${remark(guest, nowMs)}${troveStatus(guest)}`;
  const recovered = (guest: ShownGuest) => html`${remark(guest, nowMs)} <small>was ${guest.reason}</small>`;
  const silent = (guest: ShownGuest) => html` <small>${guest.reason}</small>${troveStatus(guest)}`;
  const answering = (guest: Row) => troveStatus(guest) ?? html` <small>not in Trove</small>`;
  const row = (guest: Row, remarked: Html) => {
    const { id, since, waiting_messages: waiting } = guest;
    const age = formatDuration(nowMs - Date.parse(since));
    return html`<tr><td>${origin(guest)}${linkTo(id, html`<code>${id}</code>`)}${remarked}</td><td>${timeElement(since, nowMs)}</td><td>${age}</td><td class="number${waiting === undefined ? ' none' : ''}">${waiting === undefined ? '–' : formatCount(waiting)}</td></tr>
`;
  };
  const groups = [
    ...[...unreachable].map(([reason, guests]) =>
      group({ title: reason, tone: 'bad', ...REASONS[reason] }, guests, (guest) =>
        row(guest, reported(guest)),
      ),
    ),
    group(RECOVERING, recovering, (guest) => row(guest, recovered(guest))),
    group(CONTRADICTED, contradicted, (guest) => row(guest, answering(guest))),
    ...[...apart].map(([why, guests]) => group(HEADINGS[why], guests, (guest) => row(guest, silent(guest)))),
  ].filter((group) => group !== undefined);
  if (groups.length === 0) return html``;
  return html`<table class="guests">
<thead><tr><th scope="col">Guest</th><th scope="col">Since <small>(UTC)</small></th><th scope="col">For</th><th scope="col" class="number">Waiting messages</th></tr></thead>
${groups}</table>`;
}

function group<Guest>(
  { title, tone, means, todo }: Heading,
  guests: readonly Guest[],
  rowOf: (guest: Guest) => Html,
): Html | undefined {
  if (guests.length === 0) return undefined;
  const { shown, omitted } = excerpt(guests, MAX_ROWS);
  return html`<tbody>
<tr><th colspan="4" scope="rowgroup"><b${tone && html` class="${tone}"`}>${title}</b> · ${guestCount(guests.length)}<p><span class="means">${means}</span>${todo && html` <b>First:</b> ${todo}`}</p></th></tr>
${shown.map(rowOf)}${omitted > 0 ? html`<tr><td colspan="4" class="more">… and ${formatCount(omitted)} more</td></tr>` : undefined}
</tbody>`;
}

/** Whose guest it is, and where, as Trove says. */
function origin({ name, project_id: project, hypervisor }: Row): Html | undefined {
  if (name === undefined) return undefined;
  const owner =
    project && html`<small class="project">project ${cut(project, MAX_TEXT)}${hypervisor && ' · '}</small>`;
  const host = hypervisor && html`<small>${cut(hypervisor, MAX_TEXT)}</small>`;
  return html`<div><b>${cut(name, MAX_TEXT)}</b> ${owner}${host}</div>`;
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
