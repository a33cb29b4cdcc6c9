import type { Channel, ConsumeMessage } from 'amqplib';
import { randomId } from './random-id.ts';

/** Of the connection alone, so that the queue goes with it. */
const EXCLUSIVE = { exclusive: true, durable: false, arguments: { 'x-queue-type': 'classic' } };

/** A fresh name, `reply_<32 hex digits>`. */
export function replyQueueName(): string {
  return `reply_${randomId()}`;
}

/**
 * Declares a reply queue and consumes it: classic, exclusive, not acknowledged. Two round trips.
 *
 * Servers of the Kilo era publish their reply to a direct exchange named like the queue, later ones to the
 * default exchange. The exchange is declared and bound on `other` while `channel` waits for the broker anyway, which
 * adds no round trip. The binding needs write permission on the queue and read on the exchange; where the broker
 * refuses the binding, it closes `other` alone, and replies of later servers arrive all the same.
 *
 * @param other a channel that is replaced when the broker closes it
 * @param onMessage gets each message; null when the broker cancels the consumer (the queue was deleted)
 * @throws what amqplib throws when the broker refuses the queue or `channel` ends meanwhile
 */
export async function openReplyQueue(
  channel: Channel,
  other: Channel,
  queue: string,
  onMessage: (message: ConsumeMessage | null) => void,
): Promise<void> {
  const [, exchange] = await Promise.all([
    channel.assertQueue(queue, EXCLUSIVE),
    other.assertExchange(queue, 'direct', { durable: false, autoDelete: true }).catch(ignore),
  ]);
  await Promise.all([
    channel.consume(queue, onMessage, { noAck: true }),
    // Auto-delete begins with the first binding: an exchange that was never bound would stay for ever.
    exchange &&
      other.bindQueue(queue, queue, queue).catch(() => void channel.deleteExchange(queue).catch(ignore)),
  ]);
}

/** Declares a reply queue beside the first one, and consumes it, on the same channel. @returns deletes the queue */
export async function consumeReplies(
  channel: Channel,
  queue: string,
  onMessage: (message: ConsumeMessage) => void,
): Promise<() => void> {
  await channel.assertQueue(queue, EXCLUSIVE);
  await channel.consume(queue, (message) => message && onMessage(message), { noAck: true });
  return () => void channel.deleteQueue(queue).catch(ignore);
}

function ignore(): void {}
