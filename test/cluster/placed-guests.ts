import { randomUUID } from 'node:crypto';
import { type ChannelModel, connect, type Options } from 'amqplib';
import type { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import type { GuestQueues } from '../../infra/local/parts/trove-guests.ts';
import { encodeReply } from '../setup/responder.ts';

const QUEUE_OPTIONS: Readonly<Record<GuestQueues, Options.AssertQueue>> = {
  transient: { durable: false, arguments: { 'x-queue-type': 'classic' } },
  durable: { durable: true, arguments: { 'x-queue-type': 'classic' } },
  quorum: { durable: true, arguments: { 'x-queue-type': 'quorum' } },
};

/** Guests whose queues live on nodes of a cluster that the test chooses. */
export class PlacedGuests {
  /** Called with each request, before the guest answers. */
  onRequest: (instanceId: string) => void = () => undefined;
  readonly #connections: ChannelModel[] = [];

  /**
   * Adds guests, with their queues on one node.
   *
   * @param agentsAt the node that their agents are connected to, by default the same one
   * @returns their instance ids
   */
  async add(queues: GuestQueues, count: number, home: RabbitMqServer, agentsAt = home): Promise<string[]> {
    const ids = Array.from({ length: count }, () => randomUUID());
    const declaring = await (await this.#connect(home)).createChannel();
    await declaring.assertExchange('trove', 'topic', { durable: true });
    for (const id of ids) {
      const queue = `guestagent.${id}`;
      await declaring.assertQueue(queue, QUEUE_OPTIONS[queues]);
      await declaring.bindQueue(queue, 'trove', queue);
    }
    const agents = await (await this.#connect(agentsAt)).createChannel();
    agents.on('error', () => undefined);
    for (const id of ids) {
      const answer = (content: Buffer) => {
        this.onRequest(id);
        const request = JSON.parse(JSON.parse(content.toString())['oslo.message']);
        agents.sendToQueue(request._reply_q, Buffer.from(encodeReply(request._msg_id)));
      };
      await agents.consume(`guestagent.${id}`, (message) => message && answer(message.content), {
        noAck: true,
      });
    }
    return ids;
  }

  /** Deletes the queues of guests, once the cluster is whole again. */
  static async forget(node: RabbitMqServer, ids: readonly string[]): Promise<void> {
    const connection = await connect(node.url);
    const channel = await connection.createChannel();
    for (const id of ids) await channel.deleteQueue(`guestagent.${id}`);
    await connection.close();
  }

  async end(): Promise<void> {
    // A connection to a frozen node never closes.
    for (const { connection } of this.#connections) Object(connection).stream.destroy();
  }

  async #connect(node: RabbitMqServer): Promise<ChannelModel> {
    const connection = await connect(node.url, { noDelay: true });
    connection.on('error', () => undefined);
    this.#connections.push(connection);
    return connection;
  }
}
