import { setTimeout } from 'node:timers/promises';
import { CONNECT_TIMEOUT_MS } from '../broker/connection.ts';
import { BrokerUnreachable, ManagementUnavailable } from '../broker/errors.ts';
import { ManagementApi } from '../broker/management.ts';
import { pingWithKey } from '../guest/keyed-ping.ts';
import { pingRequest, rpcPing } from '../guest/ping.ts';
import type { SecureSerializer } from '../guest/secure-serializer.ts';
import { PingTiming, SIGN_OF_LIFE_MS } from '../guest/timing.ts';
import { instanceIdOf } from '../guest/topic.ts';
import { KeyMalformed } from '../secrets/key-file.ts';
import { SecretUnavailable } from '../secrets/secrets-manager.ts';
import { type NamedTarget, pingTopics, type TopicFinding } from '../sweep/control-plane.ts';
import { guestLister } from '../sweep/known-guests.ts';
import { type PingOne, Sweep, type SweepEnd, type Verdict } from '../sweep/sweep.ts';
import { Deadline } from '../time/deadline.ts';
import { brokerFailure } from './broker-failure.ts';
import type { ExecutionEnvironment } from './execution-environment.ts';

/** Lists the guests that the broker knows. */
export function guestListerOf({ config, locator }: ExecutionEnvironment): ReturnType<typeof guestLister> {
  const management = new ManagementApi(config.managementUrl, locator);
  return guestLister({
    bindings: (deadline) => management.boundKeys(config.controlExchange, deadline),
    queues: (deadline) => management.queueNames(deadline),
  });
}

/** Two guests of which the queue is down are no pattern. */
const MIN_DOWN = 3;

/**
 * The broker node that holds each guest's queue, where the queues of several guests are down.
 *
 * @returns undefined where there is no need to ask, or the broker does not say
 */
export async function queueNodes(
  { config, locator }: ExecutionEnvironment,
  { verdicts }: Pick<Sweep, 'verdicts'>,
  deadline: Deadline,
): Promise<ReadonlyMap<string, string> | undefined> {
  const down = verdicts.values().filter((verdict) => 'reason' in verdict && verdict.reason === 'queue_down');
  if (down.take(MIN_DOWN).toArray().length < MIN_DOWN) return undefined;
  try {
    const queues = await new ManagementApi(config.managementUrl, locator).queueNodes(deadline);
    return new Map(queues.map(([name = '', node = '']) => [instanceIdOf(name) ?? '', node]));
  } catch (error) {
    if (error instanceof ManagementUnavailable) return undefined;
    throw error;
  }
}

/** After how long all live agents are back on a broker that has restarted: measured, 10 s after its port opens at most. */
const RETURN_MS = 10_000;

/** How long after that the connection counts as new: a guest that is gone is then asked once more. */
const NEW_CONNECTION_MS = 60_000;

const PING_AGAIN_MS = 1000;

export interface SweepPlan {
  readonly instanceIds: Iterable<string>;
  readonly requestId: string;
  /** Of the whole sweep. */
  readonly deadline: Deadline;
  /** Whether nobody consumed the guest's queue: the broker is asked first. */
  readonly asksFirst: (instanceId: string) => boolean;
}

/** A sweep over many guests, to be {@link runSweep | run}: each guest has the time of a single ping. */
export function planSweep(
  { config, keys }: ExecutionEnvironment,
  { instanceIds, requestId, deadline, asksFirst }: SweepPlan,
): Sweep {
  const context = { tenantId: null, requestId };
  const inTheClear = pingRequest(context);
  const ping: PingOne = (transport, instanceId, interruption, silenceMs) => {
    const guestDeadline = Deadline.in(config.rpcTimeoutMs);
    const pingOnce = async (serializer: SecureSerializer | undefined) => {
      interruption.throwIfInterrupted();
      const request = serializer ? pingRequest(context, serializer) : inTheClear;
      return rpcPing(transport, instanceId, request, {
        controlExchange: config.controlExchange,
        timing: new PingTiming('sweep', guestDeadline, config.noConsumerGraceMs, { silenceMs }),
        serializer,
        requireEncryption: config.requireEncryption,
        asksFirst: asksFirst(instanceId),
        interruption,
      });
    };
    return pingWithKey(keys, instanceId, deadline.within(config.rpcTimeoutMs), pingOnce).catch(keyless);
  };
  return new Sweep(instanceIds, ping, deadline);
}

/**
 * Runs a sweep. Guests that are known to be alive, and whose queues or consumers are gone, may be returning to a broker
 * that has just restarted: while the connection is new, they are pinged again before the sweep ends.
 *
 * @param isKnownAlive whether the guest answered the sweep before
 * @throws as {@link runOnce}
 */
export async function runSweep(
  environment: ExecutionEnvironment,
  sweep: Sweep,
  isKnownAlive: (instanceId: string) => boolean,
): Promise<SweepEnd> {
  let end = await runOnce(environment, sweep);
  const connectedAtMs = performance.now() - environment.broker.connectionAgeMs;
  const ageMs = () => performance.now() - connectedAtMs;
  let mayReturn = ageMs() < NEW_CONNECTION_MS;
  while (mayReturn && sweep.deadline.leftMs >= RETURN_MS) {
    const returning = returningGuests(sweep, end, isKnownAlive);
    if (returning.length === 0) break;
    await setTimeout(PING_AGAIN_MS);
    mayReturn = ageMs() < RETURN_MS; // when the ping begins: it may be lost with a guest that returns just then
    sweep.pingAgain(returning);
    end = await runOnce(environment, sweep);
  }
  return end;
}

function returningGuests(sweep: Sweep, end: SweepEnd, isKnownAlive: (id: string) => boolean): string[] {
  if (end.kind === 'out_of_time') return [];
  if (end.kind === 'broker_failed')
    return end.failure.reason === 'exchange_missing' ? [...sweep.unreached].filter(isKnownAlive) : [];
  // Without a reply: the ping may have been lost with a queue that expired before the agent was back.
  const away: readonly string[] = ['queue_missing', 'no_consumer', 'no_reply'];
  const ids: string[] = [];
  for (const [id, verdict] of sweep.verdicts)
    if (verdict.reachable === false && away.includes(verdict.reason) && isKnownAlive(id)) ids.push(id);
  return ids;
}

/**
 * Runs a sweep over the live connection.
 *
 * @throws KeyFileUnreadable, SecretUnavailable (the broker's), MalformedCredentials or BrokerUnknown
 */
async function runOnce({ config, broker }: ExecutionEnvironment, sweep: Sweep): Promise<SweepEnd> {
  const { deadline } = sweep;
  const isTimeToConnect = deadline.leftMs >= CONNECT_TIMEOUT_MS;
  if (deadline.isOver) return { kind: 'out_of_time' };
  try {
    return await broker.use(deadline, async (transport, { interruption }) => {
      const prove = (timeoutMs: number) => transport.inspector.proveAlive(config.controlExchange, timeoutMs);
      await prove(SIGN_OF_LIFE_MS.single); // an idle connection gets as little time as for a single ping's confirm
      return sweep.run(transport, () => prove(SIGN_OF_LIFE_MS.sweep), interruption);
    });
  } catch (error) {
    const isTimeOut = error instanceof BrokerUnreachable && error.how === 'connection_timeout';
    if (isTimeOut && !isTimeToConnect && deadline.isOver) return { kind: 'out_of_time' };
    return { kind: 'broker_failed', failure: brokerFailure(error) };
  }
}

/**
 * Pings the control plane over the live connection, one exchange after the other: a missing one closes the channel for all
 * pings on it.
 *
 * @returns undefined where the broker kept us from it
 */
export async function runControlPlane(
  { config, broker }: ExecutionEnvironment,
  topics: readonly NamedTarget[],
  deadline: Deadline,
): Promise<TopicFinding[] | undefined> {
  const findings: TopicFinding[] = [];
  try {
    for (const targets of Map.groupBy(topics, ({ exchange }) => exchange).values()) {
      const limit = deadline.within(config.rpcTimeoutMs);
      const found = await broker.use(limit, (transport, { interruption }) =>
        pingTopics(
          transport,
          targets,
          new PingTiming('sweep', limit, config.noConsumerGraceMs),
          interruption,
        ),
      );
      findings.push(...found);
    }
    return findings;
  } catch (error) {
    brokerFailure(error); // throws what is not the broker's
    return undefined;
  }
}

/** A guest's key that cannot be read says nothing of the other guests. */
function keyless(error: unknown): Verdict {
  if (error instanceof SecretUnavailable || error instanceof KeyMalformed)
    return { reachable: 'unknown', cause: error.message };
  throw error;
}
