import type { Context } from 'aws-lambda';
import { FleetHistory } from './changes/fleet-history.ts';
import { type ReportedSummary, withReport } from './changes/report.ts';
import { ExecutionEnvironment } from './runtime/execution-environment.ts';
import { fleetOf, planSweep, runSweep } from './runtime/sweep-fleet.ts';
import { readStateSettings } from './settings/state-settings.ts';
import { InvalidConfig } from './settings/variables.ts';
import { openStateStore } from './store/state-location.ts';
import { type Fleet, FleetUnknown } from './sweep/fleet.ts';
import { summarize } from './sweep/summary.ts';
import type { Sweep } from './sweep/sweep.ts';
import { readSweepRequest, type SweepRequest } from './sweep/sweep-request.ts';
import { type Origin, type SweepError, sweepResult } from './sweep/sweep-result.ts';
import { log, recordSweep } from './telemetry/sweep-telemetry.ts';
import { Deadline } from './time/deadline.ts';

/** What is left of an invocation's time to write the log, the metrics and the answer, in milliseconds. */
const ANSWER_MARGIN_MS = 1000;

/** What is left of it to save the state, where that is saved: a share, and the most in milliseconds. */
const STATE_SHARE = 0.2;
const MAX_STATE_MS = 10_000;

/** What listing the guests may take of the time that there is. */
const LISTING_SHARE = 0.5;

/** How often a debug line reports how far a sweep is. */
const PROGRESS_MS = 200;

const loaded = await load(process.env);

/**
 * The scheduled sweep: pings the guests that the event names, or all that there are, and returns what it found.
 *
 * @throws where the deployer has something to mend; a broker or guests that fail are what the summary is about
 */
export async function handler(event: unknown, lambda: Context): Promise<ReportedSummary> {
  const requestId = `req-${lambda.awsRequestId}`;
  try {
    if (loaded instanceof InvalidConfig) throw loaded;
    const deadline = Deadline.in(lambda.getRemainingTimeInMillis() - ANSWER_MARGIN_MS);
    return await check(loaded, readSweepRequest(event), requestId, deadline);
  } catch (error) {
    log.error('health_check', { request_id: requestId, outcome: 'error' }, error);
    throw error;
  }
}

interface HealthCheck {
  readonly environment: ExecutionEnvironment;
  readonly fleet: Fleet;
  /** Undefined: nothing is saved from sweep to sweep. */
  readonly history: FleetHistory | undefined;
}

async function load(env: NodeJS.ProcessEnv): Promise<HealthCheck | InvalidConfig> {
  const environment = await ExecutionEnvironment.load(env);
  if (environment instanceof InvalidConfig) return environment;
  try {
    const { location, thresholds } = readStateSettings(env);
    const history = location && new FleetHistory(openStateStore(location), thresholds);
    return { environment, fleet: fleetOf(environment), history };
  } catch (error) {
    if (error instanceof InvalidConfig) return error;
    throw error;
  }
}

async function check(
  { environment, fleet, history }: HealthCheck,
  request: SweepRequest,
  requestId: string,
  deadline: Deadline,
): Promise<ReportedSummary> {
  const start = performance.now();
  const stateMs = history ? Math.min(MAX_STATE_MS, STATE_SHARE * deadline.leftMs) : 0;
  const sweepDeadline = Deadline.in(deadline.leftMs - stateMs);
  const { guests, origin, problem } = await findGuests(fleet, request, sweepDeadline.share(LISTING_SHARE));
  const sweep = planSweep(environment, guests, requestId, sweepDeadline);
  const end = await withProgress(sweep, guests.size, () => runSweep(environment, sweep));
  const result = sweepResult(sweep, {
    end,
    origin,
    problem,
    endedAt: new Date(),
    durationMs: performance.now() - start,
  });
  const outcome = await history?.add(result, deadline);
  const found = summarize(result, request);
  const summary = outcome ? withReport(found, outcome, result.endedAt) : found;
  recordSweep(requestId, result, summary);
  return summary;
}

interface Found {
  readonly guests: ReadonlySet<string>;
  readonly origin: Origin;
  readonly problem?: SweepError;
}

async function findGuests(fleet: Fleet, { instanceIds }: SweepRequest, deadline: Deadline): Promise<Found> {
  if (instanceIds) return { guests: new Set(instanceIds), origin: { from: 'event' } };
  try {
    const { guests, ...origin } = await fleet.list(deadline);
    return { guests, origin };
  } catch (error) {
    if (!(error instanceof FleetUnknown)) throw error;
    // The sweep runs without guests, to find out whether the broker can be reached.
    const { code, message } = error;
    return { guests: new Set(), origin: { from: 'nowhere' }, problem: { code, message } };
  }
}

async function withProgress<T>(sweep: Sweep, total: number, run: () => Promise<T>): Promise<T> {
  const report = () => log.debug('health_check_progress', { done: sweep.verdicts.size, total });
  const timer = setInterval(report, PROGRESS_MS);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}
