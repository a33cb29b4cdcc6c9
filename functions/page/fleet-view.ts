import type { FleetState, LastSweep } from '../changes/fleet-state.ts';
import { REASONS } from '../guest/reason.ts';
import { guestTable } from './guest-table.ts';
import { type Headline, headline, staleMs } from './headline.ts';
import { type Html, html } from './html.ts';
import { lasting, timeElement } from './moment.ts';
import { overviewOf } from './overview.ts';
import { squares } from './squares.ts';
import { stylesheet, type Theme } from './stylesheet.ts';

/** What was found where the state is kept: a state, nothing yet, or why it cannot be read. */
export type Kept = FleetState | undefined | { readonly problem: string };

export interface ViewOptions {
  readonly nowMs: number;
  /** How much time lies between the beginnings of two sweeps. */
  readonly rateMs: number;
  readonly theme: Theme;
}

/** What is broken now, as HTML that a CloudWatch custom widget may have: no script, no frame, no `<use>`. */
export function fleetView(kept: Kept, options: ViewOptions): Html {
  // The class is CloudWatch's: its own styles stay away.
  return html`${stylesheet(options.theme)}<div class="fleet cwdb-no-default-styles">${content(kept, options)}</div>`;
}

function content(kept: Kept, options: ViewOptions): Html {
  if (kept === undefined)
    return html`${heading({ tone: 'warn', text: 'No sweep has been kept yet' })}
<p class="facts">The health check keeps what it found at the end of each sweep, every ${lasting(options.rateMs)}.</p>`;
  if ('problem' in kept)
    return html`${heading({ tone: 'bad', text: 'What the last sweep found cannot be read' })}
<p class="trouble">${kept.problem}. The next sweep writes it anew, where that is permitted; the log of the health check says more.</p>`;
  return ofState(kept, options);
}

function ofState(state: FleetState, { nowMs, rateMs }: ViewOptions): Html {
  const overview = overviewOf(state);
  const { sweep } = overview;
  const staleFor = staleMs(overview, nowMs, rateMs);
  return html`${heading(headline(overview, staleFor))}
<p class="facts">Last sweep ${timeElement(sweep.at, nowMs)} UTC, ${lasting(nowMs - Date.parse(sweep.at))} ago, in ${(sweep.duration_ms / 1000).toFixed(1)} s · Broker ${staleFor === undefined ? '' : 'then '}${broker(sweep)}</p>
${staleFor === undefined ? undefined : stale(rateMs)}${trouble(sweep)}${squares(overview)}${guestTable(overview, nowMs)}`;
}

function heading({ tone, text }: Headline): Html {
  return html`<h1 class="${tone}">${text}</h1>`;
}

function broker({ broker_reachable: reachable }: LastSweep): Html {
  return reachable ? html`<b class="good">reachable</b>` : html`<b class="bad">not reachable</b>`;
}

function stale(rateMs: number): Html {
  return html`<p class="trouble">A sweep is due every ${lasting(rateMs)}. What follows was so at the last sweep. <b>First:</b> see whether the schedule is enabled and what the log of the health check says.</p>`;
}

/** What kept the sweep from being complete. */
function trouble({ error, broker_reachable: reachable }: LastSweep): Html | undefined {
  if (error === undefined) return undefined;
  const known = Object.entries(REASONS).find(([reason]) => reason === error.code)?.[1];
  const before = reachable ? '' : ' Of the guests, what follows is from before.';
  return html`<p class="trouble"><b class="bad">${error.code}</b> · ${error.message}.${known && html` <b>First:</b> ${known.todo}`}${before}</p>`;
}
