import type { Channel } from 'amqplib';
import { beforeDeadline } from '../time/after-reading.ts';
import { Deadline } from '../time/deadline.ts';
import { MessageDeliveryFailure } from './errors.ts';
import type { Target } from './rpc-client.ts';

/** Who listens on a topic, by the broker's account. */
export interface Listeners {
  /** Consumers of the topic's queue. */
  readonly consumers: number;
  /** Messages that wait in that queue. */
  readonly messages: number;
}

/**
 * Asks the broker about topics, one question at a time, each on a channel of its own: asked for a queue that is
 * missing, or that the user may not see, the broker closes the channel.
 */
export class Inspector {
  readonly #openChannel: () => Promise<Channel>;
  readonly #unboundKey: string;
  #lastQuestion: Promise<unknown> = Promise.resolve();

  /**
   * @param openChannel opens a channel to be thrown away
   * @param unboundKey a routing key that no queue is bound with
   */
  constructor(openChannel: () => Promise<Channel>, unboundKey: string) {
    this.#openChannel = openChannel;
    this.#unboundKey = unboundKey;
  }

  /**
   * Asks who listens on a topic. RabbitMQ reports a memory or disk alarm only to those who publish, so a message
   * that reaches nobody goes before the question.
   *
   * @param timeoutMs how long the broker may take to open the channel, and then to answer, in milliseconds, from
   * the moment at which the questions before this one are over
   * @param isStillWanted asked at that moment
   * @returns undefined when the broker does not say
   * @throws MessageDeliveryFailure, `unconfirmed` or `closed`, when the broker does not even open a channel: the
   * connection is dead
   */
  listeners(target: Target, timeoutMs: number, isStillWanted = () => true): Promise<Listeners | undefined> {
    const answer = this.#lastQuestion.then(() =>
      isStillWanted() ? this.#ask(target, timeoutMs) : undefined,
    );
    this.#lastQuestion = answer.catch(() => undefined);
    return answer;
  }

  /**
   * Asks the broker for a sign of life; the broker then reports an alarm, too.
   *
   * @throws MessageDeliveryFailure, as {@link listeners}, when there is none
   */
  async proveAlive(exchange: string, timeoutMs: number): Promise<void> {
    await this.listeners({ exchange, topic: this.#unboundKey }, timeoutMs);
  }

  async #ask({ exchange, topic }: Target, timeoutMs: number): Promise<Listeners | undefined> {
    const channel = await this.#open(timeoutMs);
    channel.publish(exchange, this.#unboundKey, Buffer.alloc(0));
    const question = channel.checkQueue(topic).catch(() => undefined);
    const answer = await beforeDeadline(question, Deadline.in(timeoutMs));
    channel.close().catch(() => undefined);
    return answer && { consumers: answer.consumerCount, messages: answer.messageCount };
  }

  async #open(timeoutMs: number): Promise<Channel> {
    const opening = this.#openChannel().catch((cause) => {
      throw new MessageDeliveryFailure('closed', 'The connection is closing', { cause });
    });
    const channel = await beforeDeadline(opening, Deadline.in(timeoutMs));
    if (channel !== undefined) return channel;
    throw new MessageDeliveryFailure('unconfirmed', 'The broker gives no sign of life');
  }
}
