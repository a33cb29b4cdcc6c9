import type { Channel, ConsumeMessage } from 'amqplib';
import { randomId } from './random-id.ts';

/** Of the connection alone, so that the queue goes with it. */
const EXCLUSIVE = { exclusive: true, durable: false, arguments: { 'x-queue-type': 'classic' } };

/** A fresh name, `reply_<32 hex digits>`. */
export function replyQueueName(): string {
  return `reply_${randomId()}`;
}

/**
 * Declares a reply queue and consumes it: classic, exclusive, not acknowledged. While the connection opens, both methods leave with
 * `connection.open`.
 *
 * @param onMessage gets each message; null when the broker cancels the consumer (the queue was deleted)
 * @throws what amqplib throws when the broker refuses the queue or `channel` ends meanwhile
 */
export async function openReplyQueue(
  channel: Channel,
  queue: string,
  onMessage: (message: ConsumeMessage | null) => void,
): Promise<void> {
  const declared = channel.assertQueue(queue, EXCLUSIVE);
  const consumed = channel.consume(queue, onMessage, { noAck: true });
  consumed.catch(ignore); // where the queue is refused, `declared` says why
  await declared;
  await consumed;
}

/**
 * Binds the reply queue to the direct exchange of its name, to which servers before oslo.messaging 9.2 (OpenStack Stein, 2019)
 * publish their replies; later ones publish them to the default exchange. While it is missing, such a server tries again every
 * 0.25 s, for 60 s. Each such exchange is a load on the broker, which is why servers left them.
 *
 * Without write permission on the queue the exchange must not be declared: auto-delete begins with the first binding, and an
 * exchange that was never bound would stay for ever. So an unbinding comes first, which needs the same permission, and no
 * exchange; where it is refused, the broker closes the channel.
 */
export async function bindReplyExchange(channel: Channel, queue: string): Promise<void> {
  await Promise.all([
    channel.unbindQueue(queue, queue, queue),
    channel.assertExchange(queue, 'direct', { durable: false, autoDelete: true }),
    channel.bindQueue(queue, queue, queue), // at once: the connection may die, or the process be frozen, at any time
  ]);
}

/** Declares a reply queue beside the first one, and consumes it, on the same channel. @returns deletes the queue */
export async function openAnotherReplyQueue(
  channel: Channel,
  queue: string,
  onMessage: (message: ConsumeMessage) => void,
): Promise<() => void> {
  await openReplyQueue(channel, queue, (message) => message && onMessage(message));
  return () => void channel.deleteQueue(queue).catch(ignore);
}

function ignore(): void {}
