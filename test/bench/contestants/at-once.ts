import type { Channel, ChannelModel } from 'amqplib';
import { replyQueue, settle } from './bare-call.ts';

// What the limit of a cold start loads while the login is waited for.

export { default as middy } from '@middy/core';
export { default as httpErrorHandler } from '@middy/http-error-handler';
export { openConnection } from '../../../functions/broker/handshake.ts';
export { ping } from './bare-ping.ts';

/** Opens a channel and consumes the reply queue: no round trip of its own. */
export async function consumeReplies(connection: ChannelModel): Promise<Channel> {
  const channel = await connection.createChannel();
  const declared = channel.assertQueue(replyQueue, { exclusive: true });
  await Promise.all([
    declared,
    channel.consume(replyQueue, (reply) => reply && settle(reply.content), { noAck: true }),
  ]);
  return channel;
}
