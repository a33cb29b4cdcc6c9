import { causeSentence } from '../changes/common-cause.ts';
import { type FleetState, isStale, type LastSweep, type Mute } from '../changes/fleet-state.ts';
import { activeMutes } from '../changes/mutes.ts';
import { andMore, cut, excerpt } from '../excerpt.ts';
import { REASONS } from '../guest/reason.ts';
import { formatDuration } from '../time/format.ts';
import { guestTable, type LinkTo } from './guest-table.ts';
import { type Headline, headline } from './headline.ts';
import { formatCount, type Html, html, timeElement } from './html.ts';
import { type Overview, overviewOf } from './overview.ts';
import { squares } from './squares.ts';
import { stylesheet, type Theme } from './stylesheet.ts';

/** The stored state; undefined: none is stored yet; or why it cannot be read. */
export type PageState = FleetState | undefined | { readonly problem: string };

/** Longest texts of the state that are shown. */
const MAX_TEXT = 1000;
const MAX_TOPIC = 64;

/** Mutes that are listed: the guests come soon after; and the longest text of one. */
const MAX_MUTES = 3;
const MAX_IN_MUTE = 200;

export interface ViewOptions {
  readonly nowMs: number;
  /** Time between the starts of two sweeps. */
  readonly rateMs: number;
  readonly theme: Theme;
  /** A link to a guest's page; by default there is none. */
  readonly linkTo?: LinkTo;
}

/** The state of the fleet as HTML that a CloudWatch custom widget may contain: no script, no frame, no `<use>`. */
export function fleetView(state: PageState, options: ViewOptions): Html {
  // With CloudWatch's class, its own styles do not apply.
  return html`${stylesheet(options.theme)}<div class="fleet cwdb-no-default-styles">${content(state, options)}</div>`;
}

function content(state: PageState, options: ViewOptions): Html {
  if (state === undefined)
    return html`${heading({ tone: 'warn', text: 'No sweep has been saved yet' })}
<p class="facts">The health check saves its result at the end of each sweep, every ${formatDuration(options.rateMs)}.</p>`;
  if ('problem' in state)
    return html`${heading({ tone: 'bad', text: 'The result of the last sweep cannot be read' })}
<p class="trouble">${state.problem}. The next sweep saves a new one, if it has the permission. See the log of the health check.</p>`;
  return lastResult(state, options);
}

function lastResult(state: FleetState, { nowMs, rateMs, linkTo }: ViewOptions): Html {
  const overview = overviewOf(state);
  const { sweep } = overview;
  const isOld = isStale(sweep, nowMs, rateMs);
  return html`${heading(headline(overview, nowMs, rateMs))}
<p class="facts">Last sweep ${timeElement(sweep.at, nowMs)} UTC, ${age(sweep, nowMs)}, in ${(sweep.duration_ms / 1000).toFixed(1)} s · Broker ${isOld ? 'then ' : ''}${broker(sweep)}</p>
${controlPlane(overview, nowMs)}${doubtful(sweep)}${commonCause(sweep, nowMs)}${isOld ? stale(rateMs) : undefined}${sweepError(sweep)}${shrunk(state, nowMs)}${notices(state, nowMs)}${squares(overview)}${guestTable(overview, nowMs, linkTo)}`;
}

function heading({ tone, text }: Headline): Html {
  return html`<h1 class="${tone}">${text}</h1>`;
}

/** Two machines' clocks differ by less, or one of them is wrong. */
const MAX_CLOCK_DIFFERENCE_MS = 60_000;

function age({ at }: LastSweep, nowMs: number): Html {
  const ageMs = nowMs - Date.parse(at);
  if (ageMs >= -MAX_CLOCK_DIFFERENCE_MS) return html`${formatDuration(ageMs)} ago`;
  return html`<b class="warn">${formatDuration(-ageMs)} in the future: the clocks differ</b>`;
}

function controlPlane({ controlPlane: topics }: Overview, nowMs: number): Html | undefined {
  if (topics.length === 0) return undefined;
  const states = topics.map(({ topic, reachable, reason, since }) => {
    const name = cut(topic, MAX_TOPIC);
    if (reachable === null) return html` · ${name} ${reason === 'not_seen' ? 'not seen yet' : 'not known'}`;
    if (reachable) return html` · ${name} <b class="good">reachable</b>`;
    const sinceWhen = since && html` since ${timeElement(since, nowMs)} UTC`;
    return html` · ${name} <b class="bad">not reachable</b>${sinceWhen}${reason && ` (${cut(reason, MAX_TOPIC)})`}`;
  });
  return html`<p class="facts">Control plane${states}</p>`;
}

/** Guests that answered, and deserve a look all the same. */
function doubtful(sweep: LastSweep): Html | undefined {
  const { guests_unencrypted: inTheClear = 0, guests_with_several_consumers: doubled = 0 } = sweep;
  const fact = (count: number, what: string, more: string) =>
    count === 0 ? undefined : html` · <b class="warn">${formatCount(count)} ${what}</b>${more}`;
  const facts = [
    fact(inTheClear, 'in the clear', ', though the key is known'),
    fact(doubled, 'with more than one agent', ' on the queue'),
  ];
  return inTheClear + doubled === 0 ? undefined : html`<p class="facts">Answered${facts}</p>`;
}

function commonCause({ common_cause: cause }: LastSweep, nowMs: number): Html | undefined {
  return (
    cause && html`<p class="trouble"><b class="bad">${cut(causeSentence(cause, nowMs), MAX_TEXT)}.</b></p>`
  );
}

/** Guests that answered, and are no longer found. */
function shrunk({ shrunk }: FleetState, nowMs: number): Html | undefined {
  return (
    shrunk &&
    html`<p class="trouble"><b class="bad">fleet_shrank</b> · ${formatCount(shrunk.from)} guests answered before ${timeElement(shrunk.since, nowMs)} UTC.</p>`
  );
}

/** A mute as a sentence: of what, until when, by whom and why. */
export function muteLine({ target, until, author, note }: Mute, nowMs: number): Html {
  const who = [author && `by ${cut(author, MAX_IN_MUTE)}`, note && cut(note, MAX_IN_MUTE)]
    .filter(Boolean)
    .join(': ');
  return html`<p class="facts"><b class="warn">Muted</b>: ${cut(target, MAX_IN_MUTE)} until ${timeElement(until, nowMs)} UTC${who && `, ${who}`}</p>`;
}

/** The mutes that have not ended, and when people were last reminded. */
function notices({ mutes, reminded_at: remindedAt }: FleetState, nowMs: number): Html {
  const { shown, omitted } = excerpt(activeMutes(mutes, new Date(nowMs)), MAX_MUTES);
  const lines = shown.map((mute) => muteLine(mute, nowMs));
  const more = omitted > 0 ? html`<p class="facts">…${andMore(omitted)} mutes</p>` : undefined;
  const last = remindedAt && html`<p class="facts">Last reminder ${timeElement(remindedAt, nowMs)} UTC</p>`;
  return html`${lines}${more}${last}`;
}

function broker({ broker_reachable: isReachable, error }: LastSweep): Html {
  if (isReachable) return html`<b class="good">reachable</b>`;
  return html`<b class="bad">${error?.code === 'broker_blocked' ? 'blocked' : 'not reachable'}</b>`;
}

function stale(rateMs: number): Html {
  return html`<p class="trouble">A sweep is due every ${formatDuration(rateMs)}. What follows is the result of the last one. <b>First:</b> check that the schedule is enabled, and read the log of the health check.</p>`;
}

/** Why the sweep is not complete. */
function sweepError({ error, broker_reachable: isReachable }: LastSweep): Html | undefined {
  if (error === undefined) return undefined;
  const known = Object.entries(REASONS).find(([reason]) => reason === error.code)?.[1];
  const older = isReachable ? '' : ' The guests below are those of the sweep before.';
  return html`<p class="trouble"><b class="bad">${cut(error.code, MAX_TOPIC)}</b> · ${cut(error.message, MAX_TEXT)}.${known && html` <b>First:</b> ${known.todo}`}${older}</p>`;
}
