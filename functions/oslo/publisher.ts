import type { EventEmitter } from 'node:events';
import type { ConfirmChannel, Message, Options } from 'amqplib';
import type { Deadline } from '../time/deadline.ts';
import { MessageDeliveryFailure } from './errors.ts';
import { TransientMap } from './transient-map.ts';
import { Turns } from './turns.ts';

/** What is used of a confirm channel. */
export type PublishChannel = Pick<EventEmitter, 'on'> & Pick<ConfirmChannel, 'publish' | 'close'>;

/** A request on its way. */
export interface Publication {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Options.Publish;
  /** Called when the broker has taken the message. */
  onConfirmed(): void;
  /** Called when the broker, or the end of a channel of its own, has refused the message. */
  onRefused(failure: MessageDeliveryFailure): void;
}

interface Unconfirmed {
  readonly publication: Publication;
  /** In the milliseconds of `performance.now()`. */
  readonly publishedMs: number;
}

/** How long the oldest message may stay unconfirmed, while the broker lives, before its channel counts as stuck. */
export const STUCK_MS = 1000;

/** With some four hundred messages in a channel that does not take them, RabbitMQ stops to read the connection. */
const MAX_UNCONFIRMED = 256;

/** How many channels may be open for single messages; each stays open while its queue's node hangs. */
const CHANNELS_ASIDE = 256;

/**
 * Publishes on one confirm channel, and while that one is stuck, on a channel for each message. RabbitMQ delivers what
 * a channel publishes in order: a queue whose node hangs holds up all messages behind, whatever their queues.
 */
export class Publisher {
  readonly #channel: PublishChannel;
  readonly #openChannel: () => Promise<PublishChannel>;
  readonly #onReturn: (message: Message) => void;
  readonly #unconfirmed = new TransientMap<number, Unconfirmed>();
  #published = 0;
  readonly #aside = new WeakSet<Publication>();
  readonly #turns = new Turns(CHANNELS_ASIDE);

  /** @param onReturn gets each message that no queue is bound for */
  constructor(
    channel: PublishChannel,
    openChannel: () => Promise<PublishChannel>,
    onReturn: (message: Message) => void,
  ) {
    this.#channel = channel;
    this.#openChannel = openChannel;
    this.#onReturn = onReturn;
    channel.on('return', onReturn);
  }

  /** Whether a message has held up the channel for {@link STUCK_MS}, or many wait behind it already. */
  get isHeldUp(): boolean {
    const { oldest } = this.#unconfirmed;
    const isStuck = oldest !== undefined && performance.now() - oldest.publishedMs >= STUCK_MS;
    return isStuck || this.#unconfirmed.size >= MAX_UNCONFIRMED;
  }

  /** Whether a message may be unconfirmed only because an older one is. */
  isBehind(publication: Publication): boolean {
    return this.#unconfirmed.oldest?.publication !== publication && !this.#aside.has(publication);
  }

  /**
   * Publishes on the common channel.
   *
   * @returns whether the socket takes more
   * @throws MessageDeliveryFailure `closed`
   */
  publish(publication: Publication): boolean {
    const number = this.#published++;
    this.#unconfirmed.set(number, { publication, publishedMs: performance.now() });
    return publishOn(this.#channel, publication, () => this.#unconfirmed.delete(number));
  }

  /**
   * Publishes on a channel of its own, if one of them is to be had by the deadline.
   *
   * @returns closes the channel; to be called when nobody waits for the message any more
   * @throws MessageDeliveryFailure `closed`
   */
  async publishAside(publication: Publication, deadline: Deadline): Promise<() => void> {
    if (!(await this.#turns.take(deadline))) return () => undefined;
    const channel = await this.#openChannel().catch((cause) => {
      this.#turns.give();
      throw new MessageDeliveryFailure('closed', 'Not delivered: the connection is closing', { cause });
    });
    channel.on('return', this.#onReturn);
    channel.on('close', () => this.#turns.give());
    this.#aside.add(publication);
    publishOn(channel, publication, () => undefined);
    return () => void channel.close().catch(() => undefined);
  }
}

function publishOn(channel: PublishChannel, publication: Publication, onAnswer: () => void): boolean {
  const { exchange, routingKey, body, properties } = publication;
  const onConfirm = (refused: unknown) => {
    onAnswer();
    if (refused === null) return publication.onConfirmed();
    // Deferred: when the channel closes, amqplib reports that here before its listeners hear of it.
    queueMicrotask(() =>
      publication.onRefused(new MessageDeliveryFailure('nacked', 'Not delivered: basic.nack')),
    );
  };
  try {
    return channel.publish(exchange, routingKey, body, properties, onConfirm);
  } catch (cause) {
    throw new MessageDeliveryFailure('closed', 'Not delivered: the channel is closing', { cause });
  }
}
