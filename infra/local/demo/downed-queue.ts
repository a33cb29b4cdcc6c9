import { connect } from 'amqplib';
import type { RabbitMqServer } from '../parts/rabbitmq.ts';

/**
 * Makes a guest's queue that is down, on a broker of one node: a quorum queue whose only member is stopped. RabbitMQ
 * treats that queue as one whose node is down.
 *
 * @param exchange the control exchange, which must exist
 */
export async function makeDownedQueue(
  rabbit: Pick<RabbitMqServer, 'url' | 'eval'>,
  exchange: string,
  instanceId: string,
  vhost = '/',
): Promise<void> {
  const queue = `guestagent.${instanceId}`;
  const connection = await connect(`${rabbit.url}/${encodeURIComponent(vhost)}`);
  try {
    const channel = await connection.createChannel();
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await channel.bindQueue(queue, exchange, queue);
  } finally {
    await connection.close();
  }
  const member = `'${encodeURIComponent(vhost)}_${queue}'`;
  await rabbit.eval(`ok = ra:stop_server(quorum_queues, {${member}, node()})`);
}
