import type { Context } from 'aws-lambda';
import { MalformedState, parseFleetState } from './changes/fleet-state.ts';
import { Archive } from './history/archive.ts';
import { fleetView } from './page/fleet-view.ts';
import { guestView, HISTORY_DAYS } from './page/guest-view.ts';
import { BY_PATH, byAction, readWidgetEvent } from './page/widget-event.ts';
import { readPageSettings } from './settings/state-settings.ts';
import { InvalidConfig, orInvalidConfig } from './settings/variables.ts';
import { openStateStore } from './store/state-location.ts';
import { StateUnavailable } from './store/state-store.ts';
import { Log } from './telemetry/log.ts';
import { Deadline } from './time/deadline.ts';
import { DAY_MS } from './time/format.ts';

/** Time of an invocation that is left for the answer. */
const ANSWER_MARGIN_MS = 1000;

/** Markdown that CloudWatch shows to a user who selects this function for a widget. */
const DOCUMENTATION = `
## Guest RPC Ping: the fleet
Which Trove guests are unreachable now: since when, why, and what to do first.
The widget shows the result of the health check's last sweep. It pings no guest.

### Widget parameters
\`instance_id\`: the page of that one guest, with its incidents of the last days.
`;

const log = new Log('fleet-page');
const page = orInvalidConfig(() => {
  const { location, rateMs } = readPageSettings(process.env);
  return { rateMs, store: openStateStore(location), archive: new Archive(location) };
});

/**
 * A custom widget of a CloudWatch dashboard: the fleet, or one guest.
 *
 * @returns HTML, or Markdown for an event with `describe`
 * @throws InvalidConfig
 */
export async function handler(event: unknown, lambda: Context): Promise<string> {
  const { isDescribe, theme, instanceId: id, isWidget } = readWidgetEvent(event);
  if (isDescribe) return DOCUMENTATION;
  if (page instanceof InvalidConfig) {
    log.error('fleet_page', {}, page);
    throw page;
  }
  const { store, rateMs, archive } = page;
  const deadline = Deadline.in(lambda.getRemainingTimeInMillis() - ANSWER_MARGIN_MS);
  // The state first, since lines move from it to the archive.
  const state = await orProblem(
    store.read(deadline).then((stored) => stored && parseFleetState(stored.text)),
  );
  const now = new Date();
  const since = new Date(now.getTime() - HISTORY_DAYS * DAY_MS);
  const lines = id ? await orProblem(archive.read(since, now, deadline, id)) : [];
  const linkTo = isWidget ? byAction(lambda.invokedFunctionArn) : BY_PATH;
  const options = { nowMs: now.getTime(), rateMs, theme, linkTo };
  return String(id ? guestView({ id, state, lines }, options) : fleetView(state, options));
}

/** Why something cannot be read is shown on the page, since a dashboard shows no log. */
async function orProblem<T>(reading: Promise<T>): Promise<T | { readonly problem: string }> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof StateUnavailable || error instanceof MalformedState)) throw error;
    log.error('fleet_page', {}, error);
    return { problem: error.message };
  }
}
