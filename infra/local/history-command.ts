import { type FleetState, parseFleetState } from '../../functions/changes/fleet-state.ts';
import { INSTANCE_ID } from '../../functions/guest/topic.ts';
import { Archive } from '../../functions/history/archive.ts';
import { linesOf, roundTripsOf } from '../../functions/history/history-line.ts';
import { incidentsOf } from '../../functions/history/incidents.ts';
import { readStateSettings } from '../../functions/settings/state-settings.ts';
import { openStateStore } from '../../functions/store/state-location.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { readArguments, run, WrongUsage } from '../terminal/command.ts';
import { EXIT } from '../terminal/exit-code.ts';
import { historyReport } from '../terminal/history-report.ts';
import { settingsOf } from './parts/function-settings.ts';
import { sweptFleet } from './parts/swept-fleet.ts';

// `npm run history`: the incidents of the fleet, or of one guest, from where the health check keeps its state.

const USAGE = 'npm run history [-- [--json] [--since 2026-11-01] [instance_id]]';

/** How many days are read, unless `--since` says since when. */
const DAYS = 30;

const TIMEOUT_MS = 60_000;

process.exitCode = await run(USAGE, EXIT.couldNotRun, main);

async function main(): Promise<number> {
  const { json, since, id } = readQuestion();
  if (id !== undefined && !INSTANCE_ID.test(id)) {
    console.error(`Not an instance id (a UUID in lower case): ${id}`);
    return EXIT.malformedId;
  }
  const own = settingsOf(process.env);
  const { location } = readStateSettings('FLEET_STATE_URL' in own ? own : sweptFleet());
  if (location === undefined) throw new Error('FLEET_STATE_URL is not set');
  const deadline = Deadline.in(TIMEOUT_MS);
  const now = new Date();
  const from = since ?? new Date(now.getTime() - DAYS * 86_400_000);
  const filed = await new Archive(location).read(from, now, deadline, id);
  const stored = await openStateStore(location).read(deadline);
  const { unfiled }: Partial<FleetState> = stored ? parseFleetState(stored.text) : {};
  const lines = [...filed, ...linesOf(unfiled, id)].filter(({ at }) => at >= from.toISOString());
  const round_trips = id === undefined ? [] : roundTripsOf(lines, id);
  const history = { since: from.toISOString(), incidents: incidentsOf(lines), round_trips };
  console.log(json ? JSON.stringify(history) : historyReport(history, now));
  return EXIT.allReachable;
}

function readQuestion() {
  const options = { json: { type: 'boolean', default: false }, since: { type: 'string' } } as const;
  const { values, positionals } = readArguments(USAGE, { options, allowPositionals: true });
  const [id, ...more] = positionals;
  const since = values.since === undefined ? undefined : new Date(values.since);
  if (more.length > 0) throw new WrongUsage('More than one guest is named', USAGE);
  if (since && Number.isNaN(since.getTime()))
    throw new WrongUsage('--since is a date such as 2026-11-01', USAGE);
  return { json: values.json, since, id };
}
