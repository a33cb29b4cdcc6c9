import type { Context } from 'aws-lambda';
import { MalformedState, parseFleetState } from './changes/fleet-state.ts';
import { fleetView, type Kept } from './page/fleet-view.ts';
import { readWidgetEvent } from './page/widget-event.ts';
import { InvalidConfig } from './settings/config.ts';
import { type PageSettings, readPageSettings } from './settings/page-settings.ts';
import { StateUnavailable } from './store/errors.ts';
import { openStateStore, type StateStore } from './store/state-store.ts';
import { Log } from './telemetry/log.ts';
import { Deadline } from './time/deadline.ts';

/** What is kept of an invocation's time to answer, in milliseconds. */
const ANSWER_MARGIN_MS = 1000;

/** What CloudWatch shows to whoever chooses this function for a widget, as Markdown. */
const DOCUMENTATION = `
## Guest RPC Ping: the fleet
Which Trove guests cannot be reached at the moment: since when, why, and what to do first.
The widget shows what the last sweep of the health check found, and pings nobody.

### Widget parameters
There are none.
`;

const log = new Log('fleet-page');
const begun = begin(process.env);

/**
 * A custom widget of a CloudWatch dashboard.
 *
 * @returns HTML, or Markdown for an event with `describe`
 * @throws InvalidConfig
 */
export async function handler(event: unknown, lambda: Context): Promise<string> {
  const request = readWidgetEvent(event);
  if (request.kind === 'describe') return DOCUMENTATION;
  if (begun instanceof InvalidConfig) {
    log.error('fleet_page', {}, begun);
    throw begun;
  }
  const { store, settings } = begun;
  const kept = await read(store, Deadline.in(lambda.getRemainingTimeInMillis() - ANSWER_MARGIN_MS));
  return String(fleetView(kept, { nowMs: Date.now(), rateMs: settings.rateMs, theme: request.theme }));
}

interface Begun {
  readonly settings: PageSettings;
  readonly store: StateStore;
}

/** Returns wrong settings as a value, so that the first invocation can report them. */
function begin(env: NodeJS.ProcessEnv): Begun | InvalidConfig {
  try {
    const settings = readPageSettings(env);
    return { settings, store: openStateStore(settings.location) };
  } catch (error) {
    if (error instanceof InvalidConfig) return error;
    throw error;
  }
}

/** A state that cannot be read is shown as such: whoever looks at a dashboard has no log at hand. */
async function read(store: StateStore, deadline: Deadline): Promise<Kept> {
  try {
    const kept = await store.read(deadline);
    return kept && parseFleetState(kept.text);
  } catch (error) {
    if (!(error instanceof StateUnavailable || error instanceof MalformedState)) throw error;
    log.error('fleet_page', {}, error);
    return { problem: error.message };
  }
}
