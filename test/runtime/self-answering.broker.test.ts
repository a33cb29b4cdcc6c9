import { expect, test } from '@jest/globals';
import { connect } from 'amqplib';
import { pingRequest, rpcPing } from '../../functions/guest/ping.ts';
import { PingTiming } from '../../functions/guest/timing.ts';
import { openTransport } from '../../functions/oslo/transport.ts';
import { selfAnswering } from '../../functions/runtime/self-answering.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { EXCHANGE_OPTIONS } from '../setup/guest-queues.ts';
import { TestBroker } from '../setup/test-broker.ts';

const GUEST = '00000000-0000-0000-0000-000000000000';

test('a self-answering ping is its own pong, with a confirm or without, with the least permissions', async () => {
  await using broker = await TestBroker.create();
  await (await broker.channel()).assertExchange('trove', 'topic', EXCHANGE_OPTIONS);
  const url = await broker.user({ configure: '^reply_.*', read: '^reply_.*', write: '^trove$' });
  const connection = await connect(url);
  const transport = await openTransport(connection, () => undefined);
  const own = selfAnswering(transport);
  const ping = (hasAnswered: boolean) => {
    const deadline = Deadline.in(5000);
    return own.use(deadline, (answering, { interruption }) =>
      rpcPing(answering, GUEST, pingRequest({ tenantId: 't', requestId: 'req-1' }), {
        controlExchange: 'trove',
        timing: new PingTiming('single', deadline, 250, { hasAnswered }),
        interruption,
      }),
    );
  };
  expect([await ping(false), await ping(true)]).toMatchObject([{ reachable: true }, { reachable: true }]);
  await connection.close();
});
