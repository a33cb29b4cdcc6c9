import type { Channel, ConfirmChannel } from 'amqplib';
import { Inspector } from './inspector.ts';
import { Liveness } from './liveness.ts';
import { openReplyQueue, replyQueueName } from './reply-queue.ts';
import { RpcClient } from './rpc-client.ts';

/** The channels of one connection; an error on any of them must have a listener. */
export interface TransportChannels {
  /** For the reply queue. When this channel or the next one ends, every call in flight fails. */
  readonly consuming: Channel;
  /** For requests without a confirm. */
  readonly publishing: Channel;
  /** A channel that nothing else depends on; opening the reply queue uses and closes it. */
  readonly spare: Channel;
  /** Opens a channel for one question. */
  readonly open: () => Promise<Channel>;
  /** Opens a channel for requests that the broker is to confirm. */
  readonly openConfirm: () => Promise<ConfirmChannel>;
}

/** All that oslo.messaging needs of one connection: a client for calls, an inspector of who listens, the broker's liveness. */
export interface Transport {
  readonly client: RpcClient;
  readonly inspector: Inspector;
  readonly liveness: Liveness;
}

/** @throws what amqplib throws when the broker refuses the reply queue, or a channel ends meanwhile */
export async function openTransport(channels: TransportChannels): Promise<Transport> {
  const { consuming, spare, open } = channels;
  const liveness = new Liveness();
  const client = new RpcClient(channels, replyQueueName(), liveness);
  consuming.on('error', (error) => client.onEnd('the channel failed', error));
  consuming.on('close', () => client.onEnd('the channel closed'));
  await openReplyQueue(consuming, spare, client.replyQueue, (message) => client.onReply(message));
  return { client, inspector: new Inspector(open, client.replyQueue, liveness), liveness };
}
