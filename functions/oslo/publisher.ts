import type { EventEmitter } from 'node:events';
import type { Channel, ConfirmChannel, Message, Options } from 'amqplib';
import { Deadline } from '../time/deadline.ts';
import { NO_CHANNEL_MS, NOT_ALLOWED, NoChannel, unlessEnding } from './channels.ts';
import { MessageDeliveryFailure, refusal } from './errors.ts';
import { Semaphore } from './semaphore.ts';
import { TransientMap } from './transient-map.ts';

/** What is used of a channel. */
export type PublishChannel = Pick<EventEmitter, 'on'> & Pick<Channel, 'publish' | 'close'>;

/** What is used of a confirm channel. */
export type ConfirmingChannel = Pick<EventEmitter, 'on'> & Pick<ConfirmChannel, 'publish' | 'close'>;

/** Opens channels, of which the broker may allow no more until the deadline: NoChannel. */
export interface ChannelOpener {
  open(deadline: Deadline): Promise<PublishChannel>;
  openConfirm(deadline: Deadline): Promise<ConfirmingChannel>;
}

/** What the publisher's owner hears of all channels. */
export interface PublisherEvents {
  onReturn(message: Message): void;
  onDrain(): void;
  /** The broker has closed the channel of the messages without a confirm, because of one of them. */
  onPlainRefused(failure: MessageDeliveryFailure): void;
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
  /** The broker has taken the message. */
  onConfirmed(): void;
  /** The broker has refused the message. */
  onRefused(failure: MessageDeliveryFailure): void;
  /** The broker has closed the channel that the message shares with others, because of one of them. */
  onChannelRefused(failure: MessageDeliveryFailure): void;
}

interface Unconfirmed {
  readonly sender: Sender;
  /** In the milliseconds of `performance.now()`. */
  readonly publishedMs: number;
}

/** How a channel has ended, if it has. */
interface End {
  isClosed: boolean;
  /** Why the broker has closed it. */
  refusal: MessageDeliveryFailure | undefined;
}

/** How long the oldest message may stay unconfirmed, while the broker lives, before its channel counts as stuck. */
const STUCK_MS = 1000;

/** With some four hundred messages in a channel that does not take them, RabbitMQ stops to read the connection. */
const MAX_UNCONFIRMED = 256;

/** How many channels may be open for single messages; each stays open while its queue's node hangs. */
export const OWN_CHANNELS = 256;

/**
 * Publishes on one channel without confirms; on one with them, which is opened when it is needed first; and while that one
 * is stuck, on a channel for each message. RabbitMQ delivers what a channel publishes in order: a queue whose node hangs
 * holds up all messages behind, whatever their queues. It closes a channel for one message that it refuses, and drops those
 * behind; such a channel is replaced.
 */
export class Publisher {
  readonly #opener: ChannelOpener;
  readonly #events: PublisherEvents;
  #plain: PublishChannel | undefined;
  #confirming: { readonly channel: ConfirmingChannel; readonly end: End } | undefined;
  #opening: Promise<void> | undefined;
  readonly #unconfirmed = new TransientMap<number, Unconfirmed>();
  /** How many messages were to be confirmed so far. */
  #count = 0;
  readonly #onOwnChannel = new WeakSet<Sender>();
  readonly #slots = new Semaphore(OWN_CHANNELS);

  constructor(opener: ChannelOpener, events: PublisherEvents) {
    this.#opener = opener;
    this.#events = events;
  }

  /** Opens the channel with confirms ahead of its first message. */
  prepare(): void {
    this.#opening ??= this.#openConfirming();
    this.#opening.catch(() => undefined); // it is opened again when it is needed
  }

  /** Whether a message can be published without a confirm, and would not be held up. */
  get isPlainUsable(): boolean {
    return this.#plain !== undefined && !this.isHeldUp;
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
    return unlessClosing(() => this.#plain?.publish(exchange, routingKey, body, properties) ?? true);
  }

  /** Publishes with a confirm. @returns whether the socket takes more @throws MessageDeliveryFailure `closed` */
  publishConfirmed(publication: Publication, sender: Sender): boolean {
    const number = this.#count++;
    this.#unconfirmed.set(number, { sender, publishedMs: performance.now() });
    const onAnswer = () => this.#unconfirmed.delete(number);
    if (this.#confirming !== undefined) return this.#publishCommon(publication, sender, onAnswer);
    this.#opening ??= this.#openConfirming();
    this.#opening
      .then(() => this.#publishCommon(publication, sender, onAnswer))
      .catch((failure) => {
        onAnswer();
        sender.onRefused(failure);
      });
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
    const channel = await unlessEnding(this.#opener.openConfirm(deadline.within(NO_CHANNEL_MS))).catch(
      (failure) => {
        this.#slots.release();
        throw withoutChannel(failure);
      },
    );
    const end = this.#watched(channel, () => {
      this.#slots.release();
      if (end.refusal) sender.onRefused(end.refusal);
    });
    this.#onOwnChannel.add(sender);
    publishOn(channel, publication, (refused) => {
      if (!refused) sender.onConfirmed();
      else queueMicrotask(() => end.isClosed || sender.onRefused(nacked()));
    });
    return () => void channel.close().catch(() => undefined);
  }

  #publishCommon(publication: Publication, sender: Sender, onAnswer: () => void): boolean {
    if (this.#confirming === undefined) throw closed('the channel is closing');
    const { channel, end } = this.#confirming;
    return publishOn(channel, publication, (refused) => {
      onAnswer();
      if (!refused) {
        sender.onConfirmed();
        return;
      }
      // amqplib calls back for what a closing channel leaves unconfirmed, too, before its listeners hear of the close.
      queueMicrotask(() => {
        if (end.refusal) sender.onChannelRefused(end.refusal);
        else sender.onRefused(end.isClosed ? closed('the channel closed') : nacked());
      });
    });
  }

  async #openConfirming(): Promise<void> {
    try {
      const channel = await unlessEnding(this.#opener.openConfirm(Deadline.in(NO_CHANNEL_MS)));
      const end = this.#watched(channel, () => {
        this.#confirming = undefined;
      });
      this.#confirming = { channel, end };
    } catch (error) {
      throw withoutChannel(error);
    } finally {
      this.#opening = undefined;
    }
  }

  /** Uses the channel for messages without a confirm. While there is none, all messages are confirmed. */
  usePlain(channel: PublishChannel): void {
    this.#plain = channel;
    const end = this.#watched(channel, () => {
      this.#plain = undefined;
      if (end.refusal === undefined) return;
      this.#opener.open(Deadline.in(NO_CHANNEL_MS)).then(
        (next) => this.usePlain(next),
        () => undefined,
      );
      this.#events.onPlainRefused(end.refusal);
    });
  }

  #watched(channel: PublishChannel, onClose: () => void): End {
    const end: End = { isClosed: false, refusal: undefined };
    channel.on('return', (message: Message) => this.#events.onReturn(message));
    channel.on('drain', () => this.#events.onDrain());
    channel.on('error', (error: unknown) => {
      end.refusal = refusal(error);
    });
    channel.on('close', () => {
      end.isClosed = true;
      onClose();
    });
    return end;
  }
}

function publishOn(
  channel: ConfirmingChannel,
  { exchange, routingKey, body, properties }: Publication,
  onAnswer: (refused: unknown) => void,
): boolean {
  return unlessClosing(() => channel.publish(exchange, routingKey, body, properties, onAnswer));
}

/** @throws MessageDeliveryFailure `closed`: amqplib publishes nothing on a channel that is closing */
function unlessClosing(publish: () => boolean): boolean {
  try {
    return publish();
  } catch (cause) {
    throw closed('the channel is closing', cause);
  }
}

function closed(why: string, cause?: unknown): MessageDeliveryFailure {
  return new MessageDeliveryFailure('closed', `Not delivered: ${why}`, { cause });
}

function nacked(): MessageDeliveryFailure {
  return new MessageDeliveryFailure('nacked', 'Not delivered: basic.nack');
}

/** A limit of channels refuses a message as other limits of the broker do. */
function withoutChannel(error: unknown): unknown {
  if (!(error instanceof NoChannel)) return error;
  return new MessageDeliveryFailure('refused', error.message, { replyCode: NOT_ALLOWED, cause: error });
}
