import type { Broker } from '../broker/broker.ts';
import type { Transport } from '../oslo/transport.ts';
import type { Pinging } from './ping-guest.ts';

/**
 * A broker whose pings answer themselves where there is no guest: each request holds a result, and when the broker returns it
 * as unroutable, it is read as the reply to itself. That needs no permission that a ping does not need.
 */
export function selfAnswering(broker: Pick<Broker<Transport>, 'use'>): Pinging['broker'] {
  return {
    use: (deadline, work, hops) =>
      broker.use(
        deadline,
        ({ client, inspector }, circumstances) => {
          const call: typeof client.call = (target, request, timing, onSilence) =>
            client.call(target, request.with({ result: true }), timing, onSilence);
          return work({ client: { call }, inspector }, circumstances);
        },
        hops,
      ),
  };
}
