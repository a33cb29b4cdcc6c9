import type { Broker } from '../broker/broker.ts';
import { BrokerUnreachable } from '../broker/errors.ts';
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
import { limitPings } from './ping-limit.ts';

/** A guest that was pinged in this execution environment. */
interface PingedGuest {
  /** How many pings of it are in flight. */
  inFlight: number;
  /**
   * When it last answered, in the milliseconds of `performance.now()`: its pings are then sent without a publisher confirm at
   * first.
   */
  answeredMs: number;
}

/** By instance id. */
const pinged = new Map<string, PingedGuest>();
const MAX_PINGED = 10_000;
const NEVER = Number.NEGATIVE_INFINITY;

/** An agent that answered so lately may be restarting, which takes it some 7 s: it is waited for longer, in milliseconds. */
const LATELY_MS = 10_000;
const RESTART_GRACE_MS = 1000;

/** What a ping needs of the execution environment. */
export interface Pinging extends Pick<ExecutionEnvironment, 'config' | 'keys'> {
  readonly broker: Pick<Broker<PingTransport>, 'use'>;
}

/**
 * Pings one guest over the live connection, with its key if the guest has one.
 *
 * @param hops gets the hops of this ping
 * @throws TooManyPings; SecretUnavailable, KeyFileUnreadable, MalformedCredentials or BrokerUnknown, which the deployer has to correct
 */
export async function pingGuest(
  { config, broker, keys }: Pinging,
  context: PingContext,
  deadline: Deadline,
  hops: Hops,
): Promise<PingResult> {
  const { instanceId } = context;
  const guest = pingedGuest(instanceId);
  limitPings(guest.inFlight);
  guest.inFlight++;
  const hasAnswered = guest.answeredMs !== NEVER;
  const isLately = performance.now() - guest.answeredMs < LATELY_MS;
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
    if (result.reachable) guest.answeredMs = performance.now();
    return result;
  } catch (error) {
    return brokerFailure(error);
  } finally {
    guest.inFlight--;
  }
}

/** Where too many are kept, those without a ping in flight are forgotten. */
function pingedGuest(instanceId: string): PingedGuest {
  const known = pinged.get(instanceId);
  if (known !== undefined) return known;
  if (pinged.size >= MAX_PINGED)
    for (const [id, { inFlight }] of pinged) if (inFlight === 0) pinged.delete(id);
  const guest = { inFlight: 0, answeredMs: NEVER };
  pinged.set(instanceId, guest);
  return guest;
}
