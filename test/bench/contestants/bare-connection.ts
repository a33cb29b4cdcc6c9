import { type Channel, connect } from 'amqplib';
import { replyQueue, settle } from './bare-call.ts';

const { DUTIES } = process.env;

/** Connects, and consumes a reply queue; with `DUTIES=sweep`, on a channel with publisher confirms. */
export async function open(brokerUrl: string): Promise<Channel> {
  const connection = await connect(brokerUrl, { noDelay: true });
  const channel = await (DUTIES === 'sweep' ? connection.createConfirmChannel() : connection.createChannel());
  await channel.assertQueue(replyQueue, { exclusive: true });
  await channel.consume(replyQueue, (reply) => reply && settle(reply.content), { noAck: true });
  return channel;
}
