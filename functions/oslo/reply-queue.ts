import { randomUUID } from 'node:crypto';
import type { Channel, ConsumeMessage } from 'amqplib';

/**
 * Declares a reply queue `reply_<32 hex digits>` and consumes it: classic, exclusive (so that it goes with the
 * connection), not acknowledged. Two round trips.
 *
 * Servers of the Kilo era publish their reply to a direct exchange named like the queue, later ones to the
 * default exchange. That second way is laid out on `spare` while `channel` waits for the broker anyway, so it
 * costs no round trip. It needs write permission on the queue and read on the exchange; where the broker
 * refuses, it closes `spare` alone, and replies of later servers arrive all the same.
 *
 * @param spare a channel that nothing else depends on; it is closed
 * @param onMessage each message; null when the broker cancels the consumer (the queue was deleted)
 * @returns the queue's name
 * @throws what amqplib throws when the broker refuses the queue or `channel` ends meanwhile
 */
export async function openReplyQueue(
  channel: Channel,
  spare: Channel,
  onMessage: (message: ConsumeMessage | null) => void,
): Promise<string> {
  const queue = `reply_${hexId()}`;
  const [, exchange] = await Promise.all([
    channel.assertQueue(queue, { exclusive: true, durable: false, arguments: { 'x-queue-type': 'classic' } }),
    spare.assertExchange(queue, 'direct', { durable: false, autoDelete: true }).catch(ignore),
  ]);
  await Promise.all([
    channel.consume(queue, onMessage, { noAck: true }),
    // Auto-delete begins with the first binding: an exchange that was never bound would stay for ever.
    exchange &&
      spare.bindQueue(queue, queue, queue).catch(() => void channel.deleteExchange(queue).catch(ignore)),
  ]);
  spare.close().catch(ignore);
  return queue;
}

/** 32 hex digits, as Python's `uuid4().hex`. */
export function hexId(): string {
  return randomUUID().replaceAll('-', '');
}

function ignore(): void {}
