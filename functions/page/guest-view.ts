import { described, type FleetState, type GuestState } from '../changes/fleet-state.ts';
import { muteOf } from '../changes/mutes.ts';
import { cut } from '../excerpt.ts';
import { REASONS } from '../guest/reason.ts';
import { type HistoryLine, linesOf, roundTripsOf } from '../history/history-line.ts';
import { downMs, type Incident, incidentsOf, ofGuest, remarksOn } from '../history/incidents.ts';
import { DAY_MS, formatDuration, formatTime } from '../time/format.ts';
import { muteLine, type PageState, type ViewOptions } from './fleet-view.ts';
import { HEADINGS } from './guest-table.ts';
import { type Headline, sweepTrouble } from './headline.ts';
import { type Html, html, timeElement } from './html.ts';
import { stylesheet } from './stylesheet.ts';

export interface GuestHistory {
  readonly id: string;
  readonly state: PageState;
  /** Of this guest, oldest first; or why they cannot be read. */
  readonly lines: readonly HistoryLine[] | { readonly problem: string };
}

/** How many days the page looks back, and of how many it shows the round trips. */
export const HISTORY_DAYS = 30;
const TRIP_DAYS = 14;

const MAX_INCIDENTS = 100;
const MAX_TEXT = 200;

/** The page of one guest: what it is now, its incidents, and its round trips. As {@link fleetView}, for a widget. */
export function guestView(history: GuestHistory, options: ViewOptions): Html {
  return html`${stylesheet(options.theme)}<div class="fleet cwdb-no-default-styles">${content(history, options)}</div>`;
}

function content({ id, state, lines }: GuestHistory, { nowMs, rateMs }: ViewOptions): Html {
  if (state === undefined || 'problem' in state)
    return html`<h1 class="warn">${id}</h1><p class="trouble">${state?.problem ?? 'No sweep has been saved yet'}.</p>`;
  const silent = state.guests[id]?.sweeps ? state.guests[id] : undefined;
  const known = silent ?? described(state.answered[id]);
  const { name, project_id: project, hypervisor } = known ?? {};
  const facts = [name && id, project && `project ${project}`, hypervisor].filter(Boolean);
  const mute = muteOf(state.mutes, id, known, new Date(nowMs));
  const { tone, text } = statusOf(silent, known !== undefined, nowMs);
  const trouble = sweepTrouble(state.sweep, nowMs, rateMs);
  return html`<h1 class="${trouble ? 'warn' : tone}">${cut(name ?? id, MAX_TEXT)} ${trouble && 'then '}${text}</h1>
${trouble && html`<p class="trouble"><b class="bad">${trouble}.</b></p>`}<p class="facts">${cut(facts.join(' · '), MAX_TEXT)}</p>${mute && muteLine(mute, nowMs)}${whatToDo(silent)}${
    'problem' in lines ? html`<p class="trouble">${lines.problem}.</p>` : past(id, state, lines, nowMs)
  }`;
}

function statusOf(silent: GuestState | undefined, isKnown: boolean, nowMs: number): Headline {
  if (!isKnown) return { tone: 'warn', text: 'is not known to the last sweep' };
  if (!silent) return { tone: 'good', text: 'is reachable' };
  const { since, reason, counted_apart: why } = silent;
  const apart = why ? ` (${HEADINGS[why].title})` : '';
  const text = `is unreachable since ${formatTime(since, nowMs)} UTC: ${reason}${apart}`;
  return { tone: why ? 'warn' : 'bad', text };
}

function whatToDo(silent: GuestState | undefined): Html | undefined {
  if (!silent) return undefined;
  const { means, todo } = REASONS[silent.reason];
  return html`<p class="facts">${means} <b>First:</b> ${todo}</p>`;
}

function past(id: string, state: FleetState, filed: readonly HistoryLine[], nowMs: number): Html {
  const lines = linesOf(filed, state.unfiled, id);
  const incidents = incidentsOf(lines, ofGuest(state.guests, id));
  const from = new Date(nowMs - HISTORY_DAYS * DAY_MS);
  const down = downMs(incidents, from, new Date(nowMs));
  const share = ((100 * down) / (HISTORY_DAYS * DAY_MS)).toFixed(2);
  const sum =
    incidents.length === 0
      ? html`No incident was recorded in ${HISTORY_DAYS} days.`
      : html`<b>${incidents.length} ${incidents.length === 1 ? 'incident' : 'incidents'}</b> in ${HISTORY_DAYS} days, ${formatDuration(down)} in all <small>(${share} % of the time)</small>`;
  return html`<p class="trouble">${sum}</p>${strip(incidents, nowMs)}${incidentTable(incidents, nowMs)}${tripTable(id, lines)}`;
}

/** A square for each day, today last. */
function strip(incidents: readonly Incident[], nowMs: number): Html {
  const today = Math.floor(nowMs / DAY_MS);
  const days = Array.from({ length: HISTORY_DAYS }, (_, index) => {
    const from = new Date((today - HISTORY_DAYS + 1 + index) * DAY_MS);
    const down = downMs(incidents, from, new Date(Math.min(nowMs, from.getTime() + DAY_MS)));
    const kind = down === 0 ? 'reachable' : down < DAY_MS / 2 ? 'recovering' : 'unreachable';
    const title = `${from.toISOString().slice(0, 10)}: ${down === 0 ? 'no incident' : `unreachable for ${formatDuration(down)}`}`;
    return html`<path class="${kind}" stroke-width="${down === 0 ? 10 : 20}" d="M${index * 16} 10h13"><title>${title}</title></path>`;
  });
  return html`<svg class="squares" role="img" aria-label="The last ${HISTORY_DAYS} days" width="${HISTORY_DAYS * 16}" height="20" viewBox="0 0 ${HISTORY_DAYS * 16} 20">${days}</svg>`;
}

function incidentTable(incidents: readonly Incident[], nowMs: number): Html | undefined {
  if (incidents.length === 0) return undefined;
  const rows = incidents.slice(0, MAX_INCIDENTS).map((incident) => {
    const { from, to, reason } = incident;
    const ms = (to === undefined ? nowMs : Date.parse(to)) - Date.parse(from);
    return html`<tr><td>${timeElement(from, nowMs)}</td><td>${to === undefined ? 'now' : timeElement(to, nowMs)}</td><td>${formatDuration(ms)}</td><td>${cut(reason, MAX_TEXT)} <small>${remarksOn(incident)}</small></td></tr>
`;
  });
  return html`<table class="history">
<thead><tr><th scope="col">From <small>(UTC)</small></th><th scope="col">To</th><th scope="col">For</th><th scope="col">Reason</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}

/** Of days that are over, the newest first. */
function tripTable(id: string, lines: readonly HistoryLine[]): Html | undefined {
  const days = roundTripsOf(lines, id).slice(-TRIP_DAYS).reverse();
  if (days.length === 0) return undefined;
  const ms = (time: number) => html`<td class="number">${time} ms</td>`;
  const rows = days.map(({ day, p50, p99 }) => html`<tr><td>${day}</td>${ms(p50)}${ms(p99)}</tr>\n`);
  return html`<table class="history">
<thead><tr><th scope="col">Round trips</th><th scope="col" class="number">p50</th><th scope="col" class="number">p99</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}
