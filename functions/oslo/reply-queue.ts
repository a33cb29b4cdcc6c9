import type { Channel, ConsumeMessage } from 'amqplib';
import { randomId } from './random-id.ts';

/** A fresh name, `reply_<32 hex digits>`. */
export function replyQueueName(): string {
  return `reply_${randomId()}`;
}

/**
 * Declares a reply queue and consumes it: classic, exclusive (so that the queue goes with the connection), not
 * acknowledged. Two round trips.
 *
 * Servers of the Kilo era publish their reply to a direct exchange named like the queue, later ones to the
 * default exchange. The exchange is declared and bound on `spare` while `channel` waits for the broker anyway, which
 * adds no round trip. The binding needs write permission on the queue and read on the exchange; where the broker
 * refuses the binding, it closes `spare` alone, and replies of later servers arrive all the same.
 *
 * @param spare a channel that nothing else depends on; it is closed
 * @param onMessage gets each message; null when the broker cancels the consumer (the queue was deleted)
 * @throws what amqplib throws when the broker refuses the queue or `channel` ends meanwhile
 */
export async function openReplyQueue(
  channel: Channel,
  spare: Channel,
  queue: string,
  onMessage: (message: ConsumeMessage | null) => void,
): Promise<void> {
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
}

function ignore(): void {}
