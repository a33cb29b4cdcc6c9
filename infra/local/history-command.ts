import { type FleetState, parseFleetState } from '../../functions/changes/fleet-state.ts';
import { INSTANCE_ID } from '../../functions/guest/topic.ts';
import { Archive } from '../../functions/history/archive.ts';
import { linesOf, roundTripsOf } from '../../functions/history/history-line.ts';
import { incidentsOf, ofGuest } from '../../functions/history/incidents.ts';
import { readStateSettings } from '../../functions/settings/state-settings.ts';
import { openStateStore } from '../../functions/store/state-location.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { DAY_MS } from '../../functions/time/format.ts';
import { type Parsed, run, WrongUsage } from '../terminal/command.ts';
import { EXIT } from '../terminal/exit-code.ts';
import { historyReport } from '../terminal/history-report.ts';
import { settingsOf } from './parts/function-settings.ts';
import { sweptFleet } from './parts/swept-fleet.ts';

// `npm run history`: the incidents of the fleet, or of one guest, from where the health check keeps its state.

const USAGE = 'npm run history [-- [--json] [--since 2026-11-01] [instance_id]]';

/** How many days are read, unless `--since` says since when. */
const DAYS = 30;

/** How many days the history is kept. */
const MAX_DAYS = 400;

const TIMEOUT_MS = 60_000;

const NO_STATE =
  'No saved state was found: no sweep of these guests has ended yet, or FLEET_STATE_URL names another place.';

const ARGUMENTS = {
  options: { json: { type: 'boolean', default: false }, since: { type: 'string' } },
  allowPositionals: true,
} as const;

process.exitCode = await run(USAGE, EXIT.couldNotRun, ARGUMENTS, main);

async function main({ values, positionals }: Parsed<typeof ARGUMENTS>): Promise<number> {
  const [id, ...more] = positionals;
  const since = values.since === undefined ? undefined : dateOf(values.since);
  if (more.length > 0) throw new WrongUsage('More than one guest is named');
  if (id !== undefined && !INSTANCE_ID.test(id)) {
    console.error(`Not an instance id (a UUID in lower case): ${id}`);
    return EXIT.wrongId;
  }
  const own = settingsOf(process.env);
  const { location } = readStateSettings('FLEET_STATE_URL' in own ? own : sweptFleet());
  if (location === undefined) throw new Error('FLEET_STATE_URL is not set');
  const deadline = Deadline.in(TIMEOUT_MS);
  const now = new Date();
  const daysAgo = (days: number) => new Date(now.getTime() - days * DAY_MS);
  const from = since ? new Date(Math.max(since.getTime(), daysAgo(MAX_DAYS).getTime())) : daysAgo(DAYS);
  const stored = await openStateStore(location).read(deadline);
  const { unfiled, guests = {} }: Partial<FleetState> = stored ? parseFleetState(stored.text) : {};
  const filed = await new Archive(location).read(from, now, deadline, id);
  if (!stored && filed.length === 0) throw new Error(NO_STATE);
  const lines = linesOf(filed, unfiled, id).filter(({ at }) => at >= from.toISOString());
  const incidents = incidentsOf(lines, id === undefined ? guests : ofGuest(guests, id));
  const round_trips = id === undefined ? [] : roundTripsOf(lines, id);
  const history = { since: from.toISOString(), incidents, round_trips };
  console.log(values.json ? JSON.stringify(history) : historyReport(history, now));
  return EXIT.allReachable;
}

/** In UTC; a day that the month does not have is none. */
function dateOf(text: string): Date {
  const date = new Date(/^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/.test(text) ? text : Number.NaN);
  if (date.getTime() <= Date.now() && date.toISOString().startsWith(text.slice(0, 10))) return date;
  throw new WrongUsage('--since is a date in the past such as 2026-11-01');
}
