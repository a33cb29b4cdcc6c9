import type { ChannelModel } from 'amqplib';
import { Inspector } from './inspector.ts';
import { Liveness } from './liveness.ts';
import { openReplyQueue, replyQueueName } from './reply-queue.ts';
import { RpcClient } from './rpc-client.ts';

/** All that oslo.messaging needs of one connection: a client for calls, an inspector of queues, the broker's liveness. */
export interface Transport {
  readonly client: RpcClient;
  readonly inspector: Inspector;
  readonly liveness: Liveness;
}

/**
 * Opens the channels and the reply queue.
 *
 * @param onEnd called when a channel has ended without which the client is of no use
 * @throws what amqplib throws when the broker refuses the reply queue, or a channel ends meanwhile
 */
export async function openTransport(
  connection: Pick<ChannelModel, 'createChannel' | 'createConfirmChannel'>,
  onEnd: () => void,
): Promise<Transport> {
  const open = async () => (await connection.createChannel()).on('error', ignore); // without a listener, an error would
  const openConfirm = async () => (await connection.createConfirmChannel()).on('error', ignore); // end the connection
  // RabbitMQ delivers nothing on a channel that a publish holds up, so that replies have a channel of their own.
  const [consuming, publishing, spare] = await Promise.all([open(), open(), open()]);
  for (const channel of [consuming, publishing]) channel.on('close', onEnd);
  const liveness = new Liveness();
  const client = new RpcClient({ publishing, openConfirm }, replyQueueName(), liveness);
  consuming.on('error', (error) => client.onEnd('the channel failed', error));
  consuming.on('close', () => client.onEnd('the channel closed'));
  await openReplyQueue(consuming, spare, client.replyQueue, (message) => client.onReply(message));
  return { client, inspector: new Inspector(open, client.replyQueue, liveness), liveness };
}

function ignore(): void {}
