import { randomBytes } from 'node:crypto';
import type { Channel, Options } from 'amqplib';
import { EXCHANGE_OPTIONS, QUEUE_OPTIONS } from './guest-queues.ts';

/** A request as an oslo.messaging server receives it. */
export interface ReceivedRequest {
  readonly message: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
  /** Sends a reply of format 2.0, as servers have done since Liberty; `fields` override those of a pong. */
  reply(fields?: object, options?: Options.Publish): void;
  /** Sends any body to the reply queue. */
  replyRaw(body: string | Buffer, options?: Options.Publish): void;
}

/** The server's side of oslo.messaging, for replies that a real guest does not send. */
export async function respond(
  channel: Channel,
  instanceId: string,
  onRequest: (request: ReceivedRequest) => void,
  exchange = 'trove',
  queueOptions: Options.AssertQueue = QUEUE_OPTIONS,
): Promise<void> {
  const topic = `guestagent.${instanceId}`;
  await channel.assertExchange(exchange, 'topic', EXCHANGE_OPTIONS);
  await channel.assertQueue(topic, queueOptions);
  await channel.bindQueue(topic, exchange, topic);
  const onDelivery = (content: Buffer, properties: object) => {
    const message = JSON.parse(JSON.parse(content.toString())['oslo.message']);
    const { _reply_q: replyQueue } = message;
    const pong = (fields: object = {}) => Buffer.from(encodeReply(message._msg_id, fields));
    onRequest({
      message,
      properties: { ...properties },
      reply: (fields, options) => void channel.sendToQueue(replyQueue, pong(fields), options),
      replyRaw: (body, options) => void channel.sendToQueue(replyQueue, Buffer.from(body), options),
    });
  };
  await channel.consume(topic, (delivery) => delivery && onDelivery(delivery.content, delivery.properties), {
    noAck: true,
  });
}

export function encodeReply(msgId: string, fields: object = {}): string {
  const reply = {
    result: true,
    failure: null,
    ending: true,
    _msg_id: msgId,
    _unique_id: randomBytes(16).toString('hex'),
  };
  return JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': JSON.stringify({ ...reply, ...fields }) });
}
