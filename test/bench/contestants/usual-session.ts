import { randomUUID } from 'node:crypto';
import type { ChannelModel, ConfirmChannel } from 'amqplib';

const TIMEOUT_MS = 15_000;

/** A channel with a reply queue, for RPCs of oslo.messaging. */
export class Session {
  readonly #channel: ConfirmChannel;
  readonly #replyQueue: string;
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();

  static async open(connection: ChannelModel): Promise<Session> {
    const channel = await connection.createConfirmChannel();
    const { queue } = await channel.assertQueue(`reply_${hexId()}`, { exclusive: true, autoDelete: true });
    const session = new Session(channel, queue);
    await channel.consume(queue, (reply) => session.#settle(String(reply?.content)), { noAck: true });
    return session;
  }

  private constructor(channel: ConfirmChannel, replyQueue: string) {
    this.#channel = channel;
    this.#replyQueue = replyQueue;
    channel.on('return', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('No such guest'));
    });
  }

  /** Publishes the request to the guest's topic, and awaits the reply. */
  async call(instanceId: string, context: object): Promise<void> {
    const msgId = hexId();
    const replied = Promise.withResolvers<void>();
    this.#waiting.set(msgId, replied);
    const timer = setTimeout(() => replied.reject(new Error('Timed out')), TIMEOUT_MS);
    const flattened = Object.fromEntries(
      Object.entries(context).map(([key, value]) => [`_context_${key}`, value]),
    );
    const message = {
      method: 'rpc_ping',
      args: {},
      version: '1.0',
      _msg_id: msgId,
      _reply_q: this.#replyQueue,
      _timeout: null,
      _unique_id: hexId(),
      ...flattened,
    };
    const body = { 'oslo.version': '2.0', 'oslo.message': JSON.stringify(message) };
    this.#channel.publish('trove', `guestagent.${instanceId}`, Buffer.from(JSON.stringify(body)), {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: {},
      expiration: TIMEOUT_MS,
      mandatory: true,
    });
    try {
      await replied.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(msgId);
    }
  }

  #settle(content: string): void {
    const reply = JSON.parse(JSON.parse(content)['oslo.message']);
    const call = this.#waiting.get(reply._msg_id);
    if (reply.result === true) call?.resolve();
    else call?.reject(new Error('No pong'));
  }
}

function hexId(): string {
  return randomUUID().replaceAll('-', '');
}
