import type { ChannelModel } from 'amqplib';
import { type ChannelLimit, Channels } from './channels.ts';
import { Inspector } from './inspector.ts';
import { Liveness } from './liveness.ts';
import { limitMessages } from './message-limit.ts';
import { openAnotherReplyQueue, openReplyQueue, replyQueueName } from './reply-queue.ts';
import { type ClientChannels, RpcClient } from './rpc-client.ts';

/** All that oslo.messaging needs of one connection. */
export interface Transport {
  readonly client: RpcClient;
  readonly inspector: Inspector;
  readonly liveness: Liveness;
}

/**
 * Opens the channels and the reply queue.
 *
 * @param onEnd called when the channel has ended that replies come on
 * @param onSendable called when requests can be sent; that replies can be received is not known yet
 * @throws what amqplib throws when the broker refuses the reply queue, or a channel ends meanwhile
 */
export async function openTransport(
  connection: ChannelModel,
  onEnd: () => void,
  limit: ChannelLimit = { channels: Number.POSITIVE_INFINITY },
  onSendable?: (transport: Transport) => void,
): Promise<Transport> {
  limitMessages(connection);
  const channels = new Channels(connection, limit);
  // RabbitMQ delivers nothing on a channel that a publish holds up, so that replies have a channel of their own.
  const [consuming, publishing] = await Promise.all([channels.open(), channels.open()]);
  const replyQueue = replyQueueName();
  const liveness = new Liveness();
  const openAnother: ClientChannels['openAnotherReplyQueue'] = (queue, onMessage) =>
    openAnotherReplyQueue(consuming, queue, onMessage);
  const client = new RpcClient({ channels, openAnotherReplyQueue: openAnother }, replyQueue, liveness);
  client.publishWith(publishing);
  client.prepareConfirms();
  consuming.on('close', onEnd);
  consuming.on('error', (error) => client.onEnd('the channel failed', error));
  consuming.on('close', () => client.onEnd('the channel closed'));
  const consumed = openReplyQueue(consuming, replyQueue, (message) => {
    if (message !== null) {
      client.onReply(message);
      return;
    }
    client.onEnd('the broker cancelled the consumer of the reply queue');
    consuming.close().catch(() => undefined);
  });
  const inspector = new Inspector(channels, consuming, replyQueue, liveness);
  const transport = { client, inspector, liveness };
  onSendable?.(transport);
  await consumed;
  return transport;
}
