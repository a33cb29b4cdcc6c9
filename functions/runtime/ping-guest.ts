import type { Broker } from '../broker/broker.ts';
import { BrokerUnreachable } from '../broker/errors.ts';
import { CodedError } from '../coded-error.ts';
import { pingWithKey } from '../guest/keyed-ping.ts';
import { type PingTransport, pingRequest, rpcPing } from '../guest/ping.ts';
import type { PingResult } from '../guest/ping-result.ts';
import type { PingContext } from '../guest/request-context.ts';
import type { SecureSerializer } from '../guest/secure-serializer.ts';
import { PingTiming } from '../guest/timing.ts';
import type { Deadline } from '../time/deadline.ts';
import type { Hops } from '../time/hops.ts';
import { brokerFailure } from './broker-failure.ts';
import type { ExecutionEnvironment } from './execution-environment.ts';

/**
 * When the guests have last answered in this execution environment, in the milliseconds of `performance.now()`: their pings
 * are sent without a publisher confirm at first.
 */
const answeredMs = new Map<string, number>();
const MAX_ANSWERED = 10_000;

/** An agent that answered so lately may be restarting, which takes it some 7 s: it is waited for longer, in milliseconds. */
const LATELY_MS = 10_000;
const RESTART_GRACE_MS = 1000;

/** How many pings of one guest may be in flight, so that a silent one leaves room for others. */
const MAX_IN_FLIGHT = 16;
/** By instance id. */
const inFlight = new Map<string, number>();

/** As many pings of this guest are in flight as may be. */
export class TooManyPings extends CodedError {
  readonly code = 'too_many_pings';
}

/** What a ping needs of the execution environment. */
export interface Pinging extends Pick<ExecutionEnvironment, 'config' | 'keys'> {
  readonly broker: Pick<Broker<PingTransport>, 'use'>;
}

/**
 * Pings one guest over the live connection, with its key if the guest has one.
 *
 * @param hops gets what had to be done for this ping
 * @throws TooManyPings; SecretUnavailable, KeyFileUnreadable, MalformedCredentials or BrokerUnknown, which the deployer has to correct
 */
export async function pingGuest(
  { config, broker, keys }: Pinging,
  context: PingContext,
  deadline: Deadline,
  hops: Hops,
): Promise<PingResult> {
  const { instanceId } = context;
  const count = inFlight.get(instanceId) ?? 0;
  if (count >= MAX_IN_FLIGHT) throw new TooManyPings(`${count} pings of this guest are in flight already.`);
  inFlight.set(instanceId, count + 1);
  const lastMs = answeredMs.get(instanceId);
  const hasAnswered = lastMs !== undefined;
  const isLately = hasAnswered && performance.now() - lastMs < LATELY_MS;
  const graceMs = Math.max(config.noConsumerGraceMs, isLately ? RESTART_GRACE_MS : 0);
  const ping = (serializer: SecureSerializer | undefined) =>
    broker.use(
      deadline,
      (transport, { isReused, interruption }) => {
        if (deadline.isOver) throw new BrokerUnreachable('connection_timeout'); // connecting took all of the time
        return rpcPing(transport, instanceId, pingRequest(context, serializer), {
          controlExchange: config.controlExchange,
          timing: new PingTiming('single', deadline, graceMs, { isReused, hasAnswered }),
          serializer,
          requireEncryption: config.requireEncryption,
          interruption,
          hops,
        });
      },
      hops,
    );
  try {
    const result = await pingWithKey(keys, instanceId, deadline, ping, hops);
    if (answeredMs.size >= MAX_ANSWERED) answeredMs.clear();
    if (result.reachable) answeredMs.set(instanceId, performance.now());
    return result;
  } catch (error) {
    return brokerFailure(error);
  } finally {
    const left = (inFlight.get(instanceId) ?? 0) - 1;
    if (left > 0) inFlight.set(instanceId, left);
    else inFlight.delete(instanceId);
  }
}
