import type { Channel, ConfirmChannel } from 'amqplib';
import { Inspector } from './inspector.ts';
import { Pulse } from './pulse.ts';
import { openReplyQueue, replyQueueName } from './reply-queue.ts';
import { RpcClient } from './rpc-client.ts';

/** The channels of one connection; an error on any of them must have a listener. */
export interface TransportChannels {
  /** The client's own: when this channel ends, every call in flight fails. */
  readonly main: ConfirmChannel;
  /** A channel that nothing else depends on; opening the reply queue uses and closes it. */
  readonly spare: Channel;
  /** Opens a channel to be thrown away. */
  readonly open: () => Promise<Channel>;
}

/** All that oslo.messaging needs of one connection: a client for calls, and an inspector of who listens. */
export interface Transport {
  readonly client: RpcClient;
  readonly inspector: Inspector;
}

/** @throws what amqplib throws when the broker refuses the reply queue, or the main channel ends meanwhile */
export async function openTransport({ main, spare, open }: TransportChannels): Promise<Transport> {
  const pulse = new Pulse();
  const client = new RpcClient(main, replyQueueName(), pulse);
  await openReplyQueue(main, spare, client.replyQueue, (message) => client.onReply(message));
  return { client, inspector: new Inspector(open, client.replyQueue, pulse) };
}
