import type { Context } from 'aws-lambda';
import { openConnection } from './broker/handshake.ts';
import { FleetHistory, unsaved } from './changes/fleet-history.ts';
import { type MuteList, type MuteRequest, muteList, readMuteRequest, withMutes } from './changes/mutes.ts';
import { RememberedGuests } from './changes/remembered-guests.ts';
import { type ReportedSummary, withReport } from './changes/report.ts';
import { Archive } from './history/archive.ts';
import { openTransport } from './oslo/transport.ts';
import { ExecutionEnvironment } from './runtime/execution-environment.ts';
import { guestListerOf, planSweep, queueNodes, runControlPlane, runSweep } from './runtime/sweep-fleet.ts';
import { readControlPlaneTopics, readStateSettings } from './settings/state-settings.ts';
import { readTroveSettings } from './settings/trove-settings.ts';
import { InvalidConfig, orInvalidConfig } from './settings/variables.ts';
import { openStateStore } from './store/state-location.ts';
import { MAX_IN_SUMMARY, summarize } from './sweep/summary.ts';
import type { Sweep, SweepEnd } from './sweep/sweep.ts';
import { readSweepRequest, type SweepRequest } from './sweep/sweep-request.ts';
import { sweepResult } from './sweep/sweep-result.ts';
import { log, recordSweep } from './telemetry/sweep-telemetry.ts';
import { Deadline } from './time/deadline.ts';
import { troveLister } from './trove/trove-list.ts';

/** The time that is kept for the log, the metrics and the answer, in milliseconds. */
const ANSWER_MARGIN_MS = 1000;

/** The time that is kept for saving the state: a share of the invocation's, and at most so many milliseconds. */
const STATE_SHARE = 0.2;
const MAX_STATE_MS = 10_000;

/** The share of the sweep's time that listing the guests may take. */
const LISTING_SHARE = 0.5;

/** How often a debug line reports how far a sweep is. */
const PROGRESS_MS = 200;

const loaded = await load(process.env);

/**
 * The scheduled sweep: pings the guests that the event names, or all that there are, and returns what it found. An event
 * about mutes pings nobody, and is answered with the mutes that there are.
 *
 * @throws where the deployer has something to correct; broker and guests that fail are in the summary
 */
export async function handler(event: unknown, lambda: Context): Promise<ReportedSummary | MuteList> {
  const requestId = `req-${lambda.awsRequestId}`;
  try {
    if (loaded instanceof InvalidConfig) throw loaded;
    const deadline = Deadline.in(lambda.getRemainingTimeInMillis() - ANSWER_MARGIN_MS);
    const request = readMuteRequest(event);
    if (request) return await answerMutes(loaded, request, requestId, deadline);
    return await check(loaded, readSweepRequest(event), requestId, deadline);
  } catch (error) {
    log.error('health_check', { request_id: requestId, outcome: 'error' }, error);
    throw error;
  }
}

type HealthCheck = Exclude<Awaited<ReturnType<typeof load>>, InvalidConfig>;

async function load(env: NodeJS.ProcessEnv) {
  const amqp = async () => ({ openConnection, openTransport });
  const found = orInvalidConfig(() => {
    const environment = new ExecutionEnvironment(env, amqp);
    const { location, thresholds } = readStateSettings(env);
    const troveSettings = readTroveSettings(env);
    const rules = { ...thresholds, expectedSilenceMs: troveSettings?.expectedSilenceMs ?? 0 };
    return {
      environment,
      listGuests: guestListerOf(environment),
      /** Undefined: nothing is saved from sweep to sweep. */
      history: location && new FleetHistory(openStateStore(location), new Archive(location), rules),
      /** Undefined: nobody but the broker is asked who the guests are. */
      listInstances: troveSettings && troveLister(troveSettings),
      topics: readControlPlaneTopics(env, environment.config.controlExchange),
    };
  });
  if (!(found instanceof InvalidConfig)) await found.environment.connected;
  return found;
}

/** @throws InvalidConfig, InvalidEvent, StateUnavailable or StateConflict */
async function answerMutes(
  { history }: HealthCheck,
  request: MuteRequest,
  requestId: string,
  deadline: Deadline,
): Promise<MuteList> {
  if (!history) throw new InvalidConfig('FLEET_STATE_URL is not set: there is nowhere to save a mute');
  const now = new Date();
  const state = await history.edit((saved) => withMutes(saved, request, now), deadline);
  if (request.mute || request.unmute) log.info('mutes_changed', { request_id: requestId, ...request });
  return muteList(state, now);
}

async function check(
  { environment, listGuests, history, listInstances, topics }: HealthCheck,
  request: SweepRequest,
  requestId: string,
  deadline: Deadline,
): Promise<ReportedSummary> {
  const { instanceIds: named } = request;
  const startedAt = new Date();
  const start = performance.now();
  const stateMs = history ? Math.min(MAX_STATE_MS, STATE_SHARE * deadline.leftMs) : 0;
  const sweepDeadline = Deadline.in(deadline.leftMs - stateMs);
  const listing = sweepDeadline.share(LISTING_SHARE);
  // Where nobody can be listed, the sweep runs all the same, to find out whether the broker can be reached.
  const [saved, { guests, ...origin }] = await Promise.all([
    history?.load(listing),
    named ? { guests: new Set(named), from: 'event' as const } : listGuests(listing),
  ]);
  const remembered = new RememberedGuests(saved, request.forget);
  const sweep = planSweep(environment, {
    instanceIds: guests,
    requestId,
    deadline: sweepDeadline,
    asksFirst: (id) => remembered.hasNoConsumer(id),
  });
  if (!named) sweep.add(remembered);
  // Where the broker does not list the guests, those of the saved state are swept, and called the last list.
  const isFromMemory = origin.from === 'nowhere' && sweep.unreached.size > 0;
  const isAlive = (id: string) => remembered.isAlive(id);
  const run = () => withProgress(sweep, () => runSweep(environment, sweep, isAlive));
  const [firstEnd, list] = await Promise.all([run(), named ? undefined : listInstances?.(sweepDeadline)]);
  sweep.add(list?.instances.keys() ?? []);
  const end = firstEnd.kind === 'complete' && sweep.unreached.size > 0 ? await run() : firstEnd;
  const isPinged = end.kind === 'complete' && !named;
  const controlPlane = isPinged ? await runControlPlane(environment, topics, sweepDeadline) : undefined;
  const result = sweepResult(sweep, {
    origin: isFromMemory ? { ...origin, from: 'last_list', ageMs: remembered.ageMs } : origin,
    bound: named || 'problem' in origin ? undefined : guests,
    end,
    startedAt,
    endedAt: new Date(),
    durationMs: performance.now() - start,
    trove: list,
    queueNodes: history && (await queueNodes(environment, sweep, sweepDeadline)),
    controlPlane,
  });
  const outcome = history ? await history.add(result, deadline, saved, request.forget) : unsaved(result);
  const summary = {
    ...summarize(result, outcome.tally, outcome.error, request),
    control_plane: outcome.controlPlane,
    unseen_ids: remembered.unseen.length > 0 ? remembered.unseen.slice(0, MAX_IN_SUMMARY) : undefined,
  };
  const reported = history ? withReport(summary, outcome, result.endedAt) : summary;
  recordSweep(requestId, result, outcome.tally, reported);
  return reported;
}

async function withProgress(sweep: Sweep, run: () => Promise<SweepEnd>): Promise<SweepEnd> {
  const report = () => {
    const done = sweep.verdicts.size;
    log.debug('health_check_progress', { done, total: done + sweep.unreached.size });
  };
  const timer = setInterval(report, PROGRESS_MS);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}
