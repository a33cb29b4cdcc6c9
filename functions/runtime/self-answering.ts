import type { Broker } from '../broker/broker.ts';
import type { Transport } from '../oslo/transport.ts';
import type { Pinging } from './ping-guest.ts';

/**
 * A broker whose guests' pings answer themselves, without a guest: each request holds a result, and goes to the exchange of
 * the queue that replies come to, where it is read as the reply to itself.
 */
export function selfAnswering(broker: Pick<Broker<Transport>, 'use'>): Pinging['broker'] {
  return {
    use: (deadline, work, hops) =>
      broker.use(
        deadline,
        ({ client, inspector }, circumstances) => {
          const target = { exchange: client.replyQueue, topic: client.replyQueue };
          const call: typeof client.call = (_, request, timing, onSilence) =>
            client.call(target, request.with({ result: true }), timing, onSilence);
          return work({ client: { call }, inspector }, circumstances);
        },
        hops,
      ),
  };
}
