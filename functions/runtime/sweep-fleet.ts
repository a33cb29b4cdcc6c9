import { BrokerUnreachable } from '../broker/errors.ts';
import { ManagementApi } from '../broker/management.ts';
import { pingWithKey } from '../guest/keyed-ping.ts';
import { pingRequest, rpcPing } from '../guest/ping.ts';
import type { SecureSerializer } from '../guest/secure-serializer.ts';
import { pingTiming, SIGN_OF_LIFE_MS } from '../guest/timing.ts';
import { SecretUnavailable } from '../secrets/secrets-manager.ts';
import { Fleet } from '../sweep/fleet.ts';
import { type PingOne, Sweep, type SweepEnd, type Verdict } from '../sweep/sweep.ts';
import { Deadline } from '../time/deadline.ts';
import { brokerFailure } from './broker-failure.ts';
import { CONNECT_TIMEOUT_MS, type ExecutionEnvironment } from './execution-environment.ts';

/** The guests that the broker knows. */
export function fleetOf({ config, locator }: ExecutionEnvironment): Fleet {
  const management = new ManagementApi(config.managementUrl, locator);
  return new Fleet({
    bindings: (deadline, onKey) => management.boundKeys(config.controlExchange, deadline, onKey),
    queues: (deadline, onName) => management.queueNames(deadline, onName),
  });
}

/**
 * A sweep over many guests, to be {@link runSweep | run}: each guest has the time of a single ping.
 *
 * @param deadline of the whole sweep
 */
export function planSweep(
  { config, keys }: ExecutionEnvironment,
  instanceIds: Iterable<string>,
  requestId: string,
  deadline: Deadline,
): Sweep {
  const context = { tenantId: null, requestId };
  const inTheClear = pingRequest(context);
  const ping: PingOne = (transport, instanceId, interruption) => {
    const guestDeadline = Deadline.in(config.rpcTimeoutMs);
    const pingOnce = async (serializer: SecureSerializer | undefined) => {
      interruption.throwIfInterrupted();
      const request = serializer ? pingRequest(context, serializer) : inTheClear;
      return rpcPing(transport, instanceId, request, {
        controlExchange: config.controlExchange,
        timing: pingTiming('sweep', guestDeadline, config.noConsumerGraceMs),
        serializer,
        requireEncryption: config.requireEncryption,
        interruption,
      });
    };
    return pingWithKey(keys, instanceId, guestDeadline.or(deadline), pingOnce).catch(keyless);
  };
  return new Sweep(instanceIds, ping, deadline);
}

/**
 * Runs a sweep over the live connection.
 *
 * @throws KeyFileUnreadable, SecretUnavailable (the broker's), MalformedCredentials or BrokerUnknown
 */
export async function runSweep({ config, broker }: ExecutionEnvironment, sweep: Sweep): Promise<SweepEnd> {
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

/** A guest's key that cannot be read says nothing of the other guests. */
function keyless(error: unknown): Verdict {
  if (error instanceof SecretUnavailable) return { reachable: 'unknown', cause: error.message };
  throw error;
}
