import type { EventEmitter } from 'node:events';
import type { Channel, ConfirmChannel, Options } from 'amqplib';
import type { Deadline } from '../time/deadline.ts';
import { MessageDeliveryFailure } from './errors.ts';
import { Semaphore } from './semaphore.ts';
import { TransientMap } from './transient-map.ts';

/** What is used of a channel. */
export type PublishChannel = Pick<EventEmitter, 'on'> & Pick<Channel, 'publish' | 'close'>;

/** What is used of a confirm channel. */
export type ConfirmingChannel = Pick<EventEmitter, 'on'> & Pick<ConfirmChannel, 'publish' | 'close'>;

/** Where messages are published. */
export interface PublisherChannels {
  /** For messages without a confirm. */
  readonly publishing: PublishChannel;
  /** Opens a channel for messages that the broker is to confirm. */
  readonly openConfirm: () => Promise<ConfirmingChannel>;
}

interface OwnChannels extends PublisherChannels {
  /** Opens a channel for one message, which is to be confirmed as well. */
  readonly openOwn: () => Promise<ConfirmingChannel>;
}

/** A message on its way. */
export interface Publication {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Options.Publish;
}

/** Who hears what becomes of a message. */
export interface Sender {
  /** Called when the broker has taken the message. */
  onConfirmed(): void;
  /** Called when the broker, or the end of a channel, has refused the message. */
  onRefused(failure: MessageDeliveryFailure): void;
}

interface Unconfirmed {
  readonly sender: Sender;
  /** In the milliseconds of `performance.now()`. */
  readonly publishedMs: number;
}

/** How long the oldest message may stay unconfirmed, while the broker lives, before its channel counts as stuck. */
export const STUCK_MS = 1000;

/** With some four hundred messages in a channel that does not take them, RabbitMQ stops to read the connection. */
const MAX_UNCONFIRMED = 256;

/** How many channels may be open for single messages; each stays open while its queue's node hangs. */
export const OWN_CHANNELS = 256;

/**
 * Publishes on one channel without confirms; on one with them, which is opened when it is needed first; and while that one
 * is stuck, on a channel for each message. RabbitMQ delivers what a channel publishes in order: a queue whose node hangs
 * holds up all messages behind, whatever their queues.
 */
export class Publisher {
  readonly #channels: OwnChannels;
  #confirming: ConfirmingChannel | undefined;
  #opening: Promise<ConfirmingChannel> | undefined;
  readonly #unconfirmed = new TransientMap<number, Unconfirmed>();
  /** How many messages were to be confirmed so far. */
  #count = 0;
  readonly #onOwnChannel = new WeakSet<Sender>();
  readonly #slots = new Semaphore(OWN_CHANNELS);

  constructor(channels: OwnChannels) {
    this.#channels = channels;
  }

  /** Whether a message has held up the channel with confirms for {@link STUCK_MS}, or many wait behind it already. */
  get isHeldUp(): boolean {
    if (this.#unconfirmed.size === 0) return false; // before each single ping: spares an iterator
    const { oldest } = this.#unconfirmed;
    const isStuck = oldest !== undefined && performance.now() - oldest.publishedMs >= STUCK_MS;
    return isStuck || this.#unconfirmed.size >= MAX_UNCONFIRMED;
  }

  /** Whether a sender's message may be unconfirmed only because an older one is. */
  isBehind(sender: Sender): boolean {
    return this.#unconfirmed.oldest?.sender !== sender && !this.#onOwnChannel.has(sender);
  }

  /**
   * Publishes without a confirm: nobody hears that the queue refuses the message, or that its node hangs.
   *
   * @returns whether the socket takes more
   * @throws MessageDeliveryFailure `closed`
   */
  publish({ exchange, routingKey, body, properties }: Publication): boolean {
    const { publishing } = this.#channels;
    return unlessClosing(() => publishing.publish(exchange, routingKey, body, properties));
  }

  /**
   * Publishes with a confirm.
   *
   * @returns whether the socket takes more
   * @throws MessageDeliveryFailure `closed`
   */
  publishConfirmed(publication: Publication, sender: Sender): boolean {
    const number = this.#count++;
    this.#unconfirmed.set(number, { sender, publishedMs: performance.now() });
    const onAnswer = () => this.#unconfirmed.delete(number);
    if (this.#confirming !== undefined) return publishOn(this.#confirming, publication, sender, onAnswer);
    this.#confirmingOpened()
      .then((channel) => publishOn(channel, publication, sender, onAnswer))
      .catch((failure) => sender.onRefused(failure));
    return true;
  }

  /**
   * Publishes on a channel of its own, if one of them is to be had by the deadline.
   *
   * @returns closes the channel; to be called when nobody waits for the message any more
   * @throws MessageDeliveryFailure `closed`
   */
  async publishOnOwnChannel(
    publication: Publication,
    sender: Sender,
    deadline: Deadline,
  ): Promise<() => void> {
    if (!(await this.#slots.acquire(deadline))) return () => undefined;
    const channel = await unlessEnding(this.#channels.openOwn()).catch((failure) => {
      this.#slots.release();
      throw failure;
    });
    channel.on('close', () => this.#slots.release());
    this.#onOwnChannel.add(sender);
    publishOn(channel, publication, sender, () => undefined);
    return () => void channel.close().catch(() => undefined);
  }

  async #confirmingOpened(): Promise<ConfirmingChannel> {
    this.#opening ??= unlessEnding(this.#channels.openConfirm());
    this.#confirming = await this.#opening;
    return this.#confirming;
  }
}

function publishOn(
  channel: ConfirmingChannel,
  { exchange, routingKey, body, properties }: Publication,
  sender: Sender,
  onAnswer: () => void,
): boolean {
  const onConfirm = (refused: unknown) => {
    onAnswer();
    if (refused === null) return sender.onConfirmed();
    // Deferred: when the channel closes, amqplib reports that here before its listeners hear of it.
    queueMicrotask(() => sender.onRefused(new MessageDeliveryFailure('nacked', 'Not delivered: basic.nack')));
  };
  return unlessClosing(() => channel.publish(exchange, routingKey, body, properties, onConfirm));
}

/** @throws MessageDeliveryFailure `closed`: amqplib publishes nothing on a channel that is closing */
function unlessClosing(publish: () => boolean): boolean {
  try {
    return publish();
  } catch (cause) {
    throw new MessageDeliveryFailure('closed', 'Not delivered: the channel is closing', { cause });
  }
}

/** @throws MessageDeliveryFailure `closed`: a connection that is closing opens no channel */
async function unlessEnding<T>(opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (cause) {
    throw new MessageDeliveryFailure('closed', 'Not delivered: the connection is closing', { cause });
  }
}
