import type { ChannelModel } from 'amqplib';
import { type ChannelLimit, Channels } from './channels.ts';
import { Inspector } from './inspector.ts';
import { Liveness } from './liveness.ts';
import { limitMessages } from './message-limit.ts';
import { bindReplyExchange, consumeReplies, openReplyQueue, replyQueueName } from './reply-queue.ts';
import { type ClientChannels, RpcClient } from './rpc-client.ts';

/** All that oslo.messaging needs of one connection: a client for calls, an inspector of queues, the broker's liveness. */
export interface Transport {
  readonly client: RpcClient;
  readonly inspector: Inspector;
  readonly liveness: Liveness;
}

/**
 * Opens the channels and the reply queue.
 *
 * @param onEnd called when the channel has ended that replies come on
 * @throws what amqplib throws when the broker refuses the reply queue, or a channel ends meanwhile
 */
export async function openTransport(
  connection: ChannelModel,
  onEnd: () => void,
  limit: ChannelLimit = { channels: Number.POSITIVE_INFINITY },
): Promise<Transport> {
  limitMessages(connection);
  const channels = new Channels(connection, limit);
  // RabbitMQ delivers nothing on a channel that a publish holds up, so that replies have a channel of their own.
  const opening = Promise.all([channels.open(), channels.open()]);
  const liveness = new Liveness();
  const openAnother: ClientChannels['openReplyQueue'] = async (queue, onMessage) =>
    consumeReplies((await opening)[0], queue, onMessage);
  const client = new RpcClient({ channels, openReplyQueue: openAnother }, replyQueueName(), liveness);
  client.prepareConfirms(); // no round trip more: it opens while the others do
  const [consuming, binding] = await opening;
  consuming.on('close', onEnd);
  consuming.on('error', (error) => client.onEnd('the channel failed', error));
  consuming.on('close', () => client.onEnd('the channel closed'));
  await openReplyQueue(consuming, client.replyQueue, (message) => {
    if (message !== null) {
      client.onReply(message);
      return;
    }
    client.onEnd('the broker cancelled the consumer of the reply queue');
    consuming.close().catch(() => undefined);
  });
  // Until then each request has a confirm.
  bindReplyExchange(binding, () => channels.open(), client.replyQueue).then(
    (channel) => client.publishWith(channel),
    () => undefined,
  );
  return { client, inspector: new Inspector(channels, consuming, client.replyQueue, liveness), liveness };
}
