import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';
import { CodedError } from '../coded-error.ts';
import { Deadline } from '../time/deadline.ts';
import { MessageDeliveryFailure } from './errors.ts';
import { Semaphore } from './semaphore.ts';

/** The broker lets the connection have no further channel. */
export class NoChannel extends CodedError {
  readonly code = 'no_channel';
}

/** How many channels the broker lets a connection have, as far as it has said so; kept from connection to connection. */
export interface ChannelLimit {
  channels: number;
}

/** NOT_ALLOWED: with it RabbitMQ ends a connection that opens a channel too many. */
export const NOT_ALLOWED = 530;

/** With fewer channels no connection is of use: what the broker says then is no limit for questions. */
const SET_UP_CHANNELS = 3;

/** How long a channel is waited for while the limit is reached. */
export const NO_CHANNEL_MS = 1000;

/** How long RabbitMQ may still count a channel that it has closed. */
const COUNT_LAG_MS = 50;

/** Opens channels on one connection, no more than the broker lets it have. An error on one ends that one alone. */
export class Channels {
  readonly #connection: Pick<ChannelModel, 'createChannel' | 'createConfirmChannel' | 'on'>;
  readonly #slots: Semaphore;
  readonly #limit: ChannelLimit;
  #open = 0;

  constructor(
    connection: Pick<ChannelModel, 'createChannel' | 'createConfirmChannel' | 'on'>,
    limit: ChannelLimit,
  ) {
    this.#connection = connection;
    this.#limit = limit;
    this.#slots = new Semaphore(limit.channels);
    connection.on('error', (error: Error & { code?: unknown }) => {
      const { code, message } = error;
      if (code === NOT_ALLOWED && /number of channels/.test(message))
        limit.channels = Math.max(SET_UP_CHANNELS, this.#open);
    });
  }

  /** @throws NoChannel when the limit is reached until the deadline, or what amqplib throws */
  open(deadline: Deadline = Deadline.never): Promise<Channel> {
    return this.#opened(() => this.#connection.createChannel(), deadline);
  }

  /** The same, with publisher confirms. */
  openConfirm(deadline: Deadline = Deadline.never): Promise<ConfirmChannel> {
    return this.#opened(() => this.#connection.createConfirmChannel(), deadline);
  }

  async #opened<C extends Channel>(create: () => Promise<C>, deadline: Deadline): Promise<C> {
    if (!(await this.#slots.acquire(deadline))) throw new NoChannel('The limit of channels is reached');
    try {
      const channel = await create();
      this.#open++;
      channel.on('error', () => undefined); // without a listener, an error would end the connection
      channel.on('close', () => {
        this.#open--;
        setTimeout(
          () => this.#slots.release(),
          Number.isFinite(this.#limit.channels) ? COUNT_LAG_MS : 0,
        ).unref();
      });
      return channel;
    } catch (error) {
      this.#slots.release();
      const isLimit = error instanceof Error && error.message === 'No channels left to allocate'; // of the connection's
      throw isLimit ? new NoChannel('The limit of channels is reached', { cause: error }) : error;
    }
  }
}

/** @throws NoChannel; MessageDeliveryFailure `closed`: a connection that is closing opens no channel */
export async function unlessEnding<C>(opening: Promise<C>): Promise<C> {
  try {
    return await opening;
  } catch (cause) {
    if (cause instanceof NoChannel) throw cause;
    throw new MessageDeliveryFailure('closed', 'Not delivered: the connection is closing', { cause });
  }
}
