import type { Context } from 'aws-lambda';
import { findingsOf } from './changes/findings.ts';
import { KeptState } from './changes/kept-state.ts';
import { toldSummary } from './changes/told-summary.ts';
import type { Unreachable } from './guest/ping-result.ts';
import { ExecutionEnvironment } from './runtime/execution-environment.ts';
import { fleetOf, planSweep, runSweep } from './runtime/sweep-fleet.ts';
import { InvalidConfig } from './settings/config.ts';
import { readStateSettings } from './settings/state-settings.ts';
import { openStateStore } from './store/state-store.ts';
import { type Fleet, FleetUnknown } from './sweep/fleet.ts';
import { type Origin, type Summary, type SweepError, summarize } from './sweep/summary.ts';
import type { Sweep, SweepEnd } from './sweep/sweep.ts';
import { readSweepRequest, type SweepRequest } from './sweep/sweep-request.ts';
import { log, recordSweep } from './telemetry/sweep-telemetry.ts';
import { Deadline } from './time/deadline.ts';

/** What is kept of an invocation's time to write the log, the metrics and the answer, in milliseconds. */
const ANSWER_MARGIN_MS = 1000;

/** What is kept of it to add the sweep to the state, where one is kept: a share, and the most in milliseconds. */
const STATE_SHARE = 0.2;
const MAX_STATE_MS = 10_000;

/** What listing the guests may take of the time that there is. */
const LISTING_SHARE = 0.5;

/** How often a debug line reports how far a sweep is. */
const PROGRESS_MS = 200;

const watched = await begin(process.env);

/**
 * The scheduled sweep: pings the guests that the event names, or all that there are, and returns what it found.
 *
 * @throws where the deployer has something to mend; a broker or guests that fail are what the summary is about
 */
export async function handler(event: unknown, lambda: Context): Promise<Summary> {
  const requestId = `req-${lambda.awsRequestId}`;
  try {
    if (watched instanceof InvalidConfig) throw watched;
    const deadline = Deadline.in(lambda.getRemainingTimeInMillis() - ANSWER_MARGIN_MS);
    return await check(watched, readSweepRequest(event), requestId, deadline);
  } catch (error) {
    log.error('health_check', { request_id: requestId, outcome: 'error' }, error);
    throw error;
  }
}

/** A fleet, and the execution environment that pings it. */
interface Watched {
  readonly environment: ExecutionEnvironment;
  readonly fleet: Fleet;
  /** Undefined: nothing is kept from sweep to sweep. */
  readonly state: KeptState | undefined;
}

async function begin(env: NodeJS.ProcessEnv): Promise<Watched | InvalidConfig> {
  const environment = await ExecutionEnvironment.load(env);
  if (environment instanceof InvalidConfig) return environment;
  try {
    const { location, thresholds } = readStateSettings(env);
    const state = location && new KeptState(openStateStore(location), thresholds);
    return { environment, fleet: fleetOf(environment), state };
  } catch (error) {
    if (error instanceof InvalidConfig) return error;
    throw error;
  }
}

async function check(
  { environment, fleet, state }: Watched,
  request: SweepRequest,
  requestId: string,
  deadline: Deadline,
): Promise<Summary> {
  const start = performance.now();
  const stateMs = state ? Math.min(MAX_STATE_MS, STATE_SHARE * deadline.leftMs) : 0;
  const sweepDeadline = Deadline.in(deadline.leftMs - stateMs);
  const { guests, origin, problem } = await findGuests(fleet, request, sweepDeadline.share(LISTING_SHARE));
  const sweep = planSweep(environment, guests, requestId, sweepDeadline);
  const end = await withProgress(sweep, guests.size, () => runSweep(environment, sweep));
  const error = end.kind === 'broker_failed' ? brokerError(end.failure) : problem;
  const found = summarize(sweep, request, origin, error, performance.now() - start);
  const summary = await withChanges(state, found, sweep, end, deadline);
  recordSweep(requestId, sweep, summary);
  return summary;
}

async function withChanges(
  state: KeptState | undefined,
  summary: Summary,
  sweep: Sweep,
  end: SweepEnd,
  deadline: Deadline,
): Promise<Summary> {
  if (state === undefined) return summary;
  const now = new Date();
  return toldSummary(summary, await state.add(findingsOf(summary, sweep, end, now), deadline), now);
}

interface Found {
  readonly guests: ReadonlySet<string>;
  readonly origin: Origin;
  readonly problem?: SweepError;
}

async function findGuests(fleet: Fleet, { instanceIds }: SweepRequest, deadline: Deadline): Promise<Found> {
  if (instanceIds) {
    return { guests: new Set(instanceIds), origin: { guests_from: 'event' } };
  }
  try {
    const { guests, from, problem, ageMs } = await fleet.list(deadline);
    const age = ageMs === undefined ? {} : { list_age_ms: ageMs };
    return { guests, origin: { guests_from: from, ...age, ...(problem && { list_problem: problem }) } };
  } catch (error) {
    if (!(error instanceof FleetUnknown)) throw error;
    // The sweep runs without guests, to find out whether the broker can be reached.
    const { code, message } = error;
    return { guests: new Set(), origin: { guests_from: 'nowhere' }, problem: { code, message } };
  }
}

function brokerError({ reason, cause }: Unreachable): SweepError {
  return { code: reason, message: cause };
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
