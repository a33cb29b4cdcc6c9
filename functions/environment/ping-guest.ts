import { BrokerUnreachable } from '../broker/errors.ts';
import { pingWithKey } from '../guest/keyed-ping.ts';
import { pingRequest, rpcPing } from '../guest/ping.ts';
import type { PingResult } from '../guest/ping-result.ts';
import type { PingContext } from '../guest/request-context.ts';
import type { SecureSerializer } from '../guest/secure-serializer.ts';
import type { Deadline } from '../time/deadline.ts';
import { brokerResult, CONFIRM_TIMEOUT_MS, type Environment } from './environment.ts';

/** What a ping needs of the execution environment. */
export type Pinging = Pick<Environment, 'config' | 'broker' | 'keys'>;

/**
 * Pings one guest over the live connection, with its key if the guest has one.
 *
 * @throws SecretUnavailable, KeyFileUnreadable, MalformedCredentials or BrokerUnknown: the deployer's to mend
 */
export async function pingGuest(
  { config, broker, keys }: Pinging,
  context: PingContext,
  deadline: Deadline,
): Promise<PingResult> {
  const ping = (serializer: SecureSerializer | undefined) =>
    broker.use(deadline, (transport, { isReused, signal }) => {
      if (deadline.isOver) throw new BrokerUnreachable('connection_timeout'); // connecting took all of the time
      return rpcPing(transport, context.instanceId, pingRequest(context, serializer), {
        controlExchange: config.controlExchange,
        deadline,
        graceMs: config.noConsumerGraceMs,
        confirmTimeoutMs: isReused ? CONFIRM_TIMEOUT_MS : undefined,
        serializer,
        onCall: (call) => signal.addEventListener('abort', () => call.reject(signal.reason), { once: true }),
      });
    });
  return pingWithKey(keys, context.instanceId, deadline, ping).catch(brokerResult);
}
