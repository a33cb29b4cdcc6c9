import { BrokerUnreachable } from './broker/errors.ts';
import { brokerResult, CONFIRM_TIMEOUT_MS, type Environment } from './environment.ts';
import { pingWithKey } from './guest/keyed-ping.ts';
import { type PingResult, rpcPing } from './guest/ping.ts';
import type { RequestContext } from './guest/request-context.ts';
import type { SecureSerializer } from './guest/secure-serializer.ts';

/**
 * Pings one guest over the live connection, with its key if it has one.
 *
 * @param timeoutMs how long all of it may take, in milliseconds
 * @throws SecretUnavailable, KeyFileUnreadable, MalformedCredentials or BrokerUnknown: the deployer's to mend
 */
export async function pingGuest(
  { config, broker, keys }: Environment,
  context: RequestContext,
  timeoutMs: number,
): Promise<PingResult> {
  const deadline = performance.now() + timeoutMs;
  const ping = (serializer: SecureSerializer | undefined) =>
    broker.use(deadline, (rpc, { isReused, signal }) => {
      const timeLeftMs = deadline - performance.now();
      if (timeLeftMs <= 0) throw new BrokerUnreachable('connection_timeout'); // it took all of the time
      return rpcPing(rpc, context, {
        controlExchange: config.controlExchange,
        graceMs: config.noConsumerGraceMs,
        timeoutMs: timeLeftMs,
        confirmTimeoutMs: isReused ? CONFIRM_TIMEOUT_MS : undefined,
        serializer,
        signal,
      });
    });
  return pingWithKey(keys, context.instanceId, deadline, ping).catch(brokerResult);
}
