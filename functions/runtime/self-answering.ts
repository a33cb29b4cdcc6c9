import { EventEmitter } from 'node:events';
import { BlockedState } from '../broker/blocked-state.ts';
import { Broker } from '../broker/broker.ts';
import { fixedLocator } from '../broker/locator.ts';
import type { PingTransport } from '../guest/ping.ts';
import type { Transport } from '../oslo/transport.ts';
import type { Pinging } from './ping-guest.ts';

const NOWHERE = { protocol: 'amqp', hostname: '', port: 0, vhost: '', username: '', password: '' } as const;

/** However slow the broker is, it is asked nothing: a question takes one more channel, of which the broker may allow none. */
const UNASKED = { queueCounts: async () => undefined, proveAlive: async () => undefined };

/**
 * A broker whose pings answer themselves where there is no guest: each request holds a result, and when the broker returns it
 * as unroutable, it is read as the reply to itself. That needs no permission that a ping does not need.
 */
export function selfAnswering({ client }: Pick<Transport, 'client'>): Pinging['broker'] {
  const call: typeof client.call = (target, request, timing, onSilence) =>
    client.call(target, request.with({ result: true }), timing, onSilence);
  const connection = {
    session: { client: { call }, inspector: UNASKED },
    blocked: new BlockedState(new EventEmitter()),
    closedBy: undefined,
    isUsable: () => true,
    destroy: () => undefined,
  };
  return new Broker<PingTransport>({
    locator: fixedLocator(NOWHERE),
    connect: async () => connection,
    loss: () => undefined,
  });
}
