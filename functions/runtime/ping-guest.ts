import { BrokerUnreachable } from '../broker/errors.ts';
import { pingWithKey } from '../guest/keyed-ping.ts';
import { pingRequest, rpcPing } from '../guest/ping.ts';
import type { PingResult } from '../guest/ping-result.ts';
import type { PingContext } from '../guest/request-context.ts';
import type { SecureSerializer } from '../guest/secure-serializer.ts';
import { pingTiming } from '../guest/timing.ts';
import type { Deadline } from '../time/deadline.ts';
import { brokerFailure } from './broker-failure.ts';
import type { ExecutionEnvironment } from './execution-environment.ts';

/** The guests that have answered in this execution environment: their pings are sent without a publisher confirm at first. */
const answered = new Set<string>();
const MAX_ANSWERED = 10_000;

/** What a ping needs of the execution environment. */
export type Pinging = Pick<ExecutionEnvironment, 'config' | 'broker' | 'keys'>;

/**
 * Pings one guest over the live connection, with its key if the guest has one.
 *
 * @throws SecretUnavailable, KeyFileUnreadable, MalformedCredentials or BrokerUnknown: the deployer's to mend
 */
export function pingGuest(
  { config, broker, keys }: Pinging,
  context: PingContext,
  deadline: Deadline,
): Promise<PingResult> {
  const hasAnswered = answered.has(context.instanceId);
  const ping = (serializer: SecureSerializer | undefined) =>
    broker.use(deadline, (transport, { isReused, interruption }) => {
      if (deadline.isOver) throw new BrokerUnreachable('connection_timeout'); // connecting took all of the time
      return rpcPing(transport, context.instanceId, pingRequest(context, serializer), {
        controlExchange: config.controlExchange,
        timing: pingTiming('single', deadline, config.noConsumerGraceMs, { isReused, hasAnswered }),
        serializer,
        requireEncryption: config.requireEncryption,
        interruption,
      });
    });
  return pingWithKey(keys, context.instanceId, deadline, ping).then(remembered, brokerFailure);

  function remembered(result: PingResult): PingResult {
    if (answered.size >= MAX_ANSWERED) answered.clear();
    if (result.reachable) answered.add(context.instanceId);
    return result;
  }
}
