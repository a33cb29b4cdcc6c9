import type { Context } from 'aws-lambda';
import { MalformedState, parseFleetState } from './changes/fleet-state.ts';
import { fleetView, type PageState } from './page/fleet-view.ts';
import { readWidgetEvent } from './page/widget-event.ts';
import { readPageSettings } from './settings/state-settings.ts';
import { InvalidConfig, orInvalidConfig } from './settings/variables.ts';
import { openStateStore } from './store/state-location.ts';
import { type StateStore, StateUnavailable } from './store/state-store.ts';
import { Log } from './telemetry/log.ts';
import { Deadline } from './time/deadline.ts';

/** Time of an invocation that is left for the answer. */
const ANSWER_MARGIN_MS = 1000;

/** Markdown that CloudWatch shows to a user who selects this function for a widget. */
const DOCUMENTATION = `
## Guest RPC Ping: the fleet
Which Trove guests are unreachable now: since when, why, and what to do first.
The widget shows the result of the health check's last sweep. It pings no guest.

### Widget parameters
There are none.
`;

const log = new Log('fleet-page');
const page = orInvalidConfig(() => {
  const settings = readPageSettings(process.env);
  return { settings, store: openStateStore(settings.location) };
});

/**
 * A custom widget of a CloudWatch dashboard.
 *
 * @returns HTML, or Markdown for an event with `describe`
 * @throws InvalidConfig
 */
export async function handler(event: unknown, lambda: Context): Promise<string> {
  const request = readWidgetEvent(event);
  if (request.kind === 'describe') return DOCUMENTATION;
  if (page instanceof InvalidConfig) {
    log.error('fleet_page', {}, page);
    throw page;
  }
  const { store, settings } = page;
  const state = await read(store, Deadline.in(lambda.getRemainingTimeInMillis() - ANSWER_MARGIN_MS));
  return String(fleetView(state, { nowMs: Date.now(), rateMs: settings.rateMs, theme: request.theme }));
}

/** Why a state cannot be read is shown on the page, since a dashboard shows no log. */
async function read(store: StateStore, deadline: Deadline): Promise<PageState> {
  try {
    const stored = await store.read(deadline);
    return stored && parseFleetState(stored.text);
  } catch (error) {
    if (!(error instanceof StateUnavailable || error instanceof MalformedState)) throw error;
    log.error('fleet_page', {}, error);
    return { problem: error.message };
  }
}
