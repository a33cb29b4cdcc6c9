import type { Message } from 'amqplib';
import { afterReading } from '../time/after-reading.ts';
import type { Deadline } from '../time/deadline.ts';
import {
  MessageDeliveryFailure,
  MessageUndeliverable,
  MessagingTimeout,
  RemoteError,
  UnreadableReply,
} from './errors.ts';
import { decodeReply, encodeRequest, type Reply, type Request } from './message.ts';
import { type Publication, type PublishChannel, Publisher, STUCK_MS } from './publisher.ts';
import type { Pulse } from './pulse.ts';
import { hexId } from './reply-queue.ts';

/** As oslo.messaging sends a request. */
const PROPERTIES = {
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  headers: {},
  deliveryMode: 2,
  priority: 0,
  mandatory: true,
} as const;

/**
 * The share of its time after which a request that the broker has not taken is sent for the last time. A quorum queue
 * whose leader hangs has another leader within ten seconds, which a channel that asked the old one never learns.
 */
const LAST_SEND_SHARE = 2 / 3;

/** Where a server listens: its control exchange and its topic, which is the routing key. */
export interface Target {
  readonly exchange: string;
  readonly topic: string;
}

export interface CallOptions {
  /** Until when to wait for the reply; the request expires on the broker at that moment. */
  readonly deadline: Deadline;
  /**
   * Within how many milliseconds the broker must confirm the request, or give another sign of life. For a connection
   * that may be dead without anyone having noticed.
   */
  readonly confirmTimeoutMs?: number | undefined;
  /** Called when the broker has confirmed the request. */
  readonly onConfirmed?: () => void;
  /** Ends the wait early: the call then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  /** In the milliseconds of `performance.now()`. */
  readonly publishedMs: number;
  readonly publication: Publication;
  isConfirmed: boolean;
  isEnded: boolean;
  /** How often the request was sent on a channel of its own. */
  timesAside: number;
  /** Each closes such a channel. */
  readonly closeAside: (() => void)[];
  /** What was wrong with a message without `_msg_id` that arrived while this was the only call in flight. */
  unreadable?: string;
}

/**
 * An oslo.messaging RPC client (message format 2.0) on one confirm channel, with one reply queue for all its
 * calls. Replies are matched by `_msg_id`, so any number of calls may be in flight, answered in any order.
 *
 * @example
 * const { client } = await openTransport(channels);
 * const target = { exchange: 'trove', topic: 'guestagent.<id>' };
 * const pong = await client.call(target, request, { deadline: Deadline.in(15_000) });
 */
export class RpcClient {
  /** The name of the queue that all replies come to. */
  readonly replyQueue: string;
  readonly #channel: PublishChannel;
  readonly #publisher: Publisher;
  readonly #pulse: Pulse;
  readonly #pending = new Map<string, PendingCall>();
  #closed: MessageDeliveryFailure | undefined;
  /** Set while the socket's buffer is full. */
  #drained: PromiseWithResolvers<void> | undefined;

  /**
   * @param openChannel opens a channel for one request, while another request holds up `channel`
   * @param replyQueue whose messages go to {@link onReply}
   * @param pulse beats with whatever comes from the broker
   */
  constructor(
    channel: PublishChannel,
    openChannel: () => Promise<PublishChannel>,
    replyQueue: string,
    pulse: Pulse,
  ) {
    this.replyQueue = replyQueue;
    this.#channel = channel;
    this.#pulse = pulse;
    this.#publisher = new Publisher(channel, openChannel, (message) => this.#onReturn(message));
    channel.on('drain', () => this.#onDrain());
    channel.on('error', (error: Error) => this.onEnd('the channel failed', error));
    channel.on('close', () => this.onEnd('the channel closed'));
  }

  /** False once the channel has closed; every call fails from then on. */
  get isOpen(): boolean {
    return this.#closed === undefined;
  }

  /** Resolves when the socket takes more requests; a caller of many calls awaits this before each of them. */
  async writable(): Promise<void> {
    await this.#drained?.promise;
  }

  /**
   * Calls a method and waits for its result.
   *
   * @returns the reply's `result`, as JSON gave it
   * @throws MessagingTimeout, MessageUndeliverable, MessageDeliveryFailure, UnreadableReply or RemoteError
   */
  async call(target: Target, request: Request, options: CallOptions): Promise<unknown> {
    const { deadline, confirmTimeoutMs, onConfirmed, signal } = options;
    const timeoutMs = deadline.leftMs;
    if (this.#closed) throw this.#closed;
    if (timeoutMs === 0) throw new MessagingTimeout('The deadline had passed before the request was sent');
    const msgId = hexId();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const call: PendingCall = {
      resolve,
      reject,
      publishedMs: performance.now(),
      publication: {
        exchange: target.exchange,
        routingKey: target.topic,
        body: encodeRequest(request, { msgId, replyQueue: this.replyQueue, uniqueId: hexId() }),
        properties: { ...PROPERTIES, expiration: String(Math.ceil(timeoutMs)) },
        onConfirmed: () => {
          this.#pulse.beat();
          call.isConfirmed = true;
          onConfirmed?.();
        },
        onRefused: reject,
      },
      isConfirmed: false,
      isEnded: false,
      timesAside: 0,
      closeAside: [],
    };
    this.#pending.set(msgId, call);
    const timers = [
      afterReading(timeoutMs, () => reject(this.#timeoutError(call))),
      confirmTimeoutMs && afterReading(confirmTimeoutMs, () => this.#hasSign(call) || reject(unconfirmed())),
      afterReading(STUCK_MS, () => {
        if (call.isConfirmed) return;
        if (call.timesAside === 0) this.#sendAside(call, deadline);
        const untilLastMs = Math.max(0, timeoutMs * LAST_SEND_SHARE - STUCK_MS);
        timers.push(afterReading(untilLastMs, () => this.#sendAside(call, deadline)));
      }),
    ];
    const onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      if (this.#publisher.isHeldUp) this.#sendAside(call, deadline);
      else if (!this.#publisher.publish(call.publication)) this.#drained ??= Promise.withResolvers();
      return await promise;
    } finally {
      timers.forEach(clearTimeout);
      signal?.removeEventListener('abort', onAbort);
      this.#pending.delete(msgId);
      call.isEnded = true;
      for (const close of call.closeAside) close();
    }
  }

  /** To be called when a channel has ended on which calls depend: all calls fail, those in flight and later ones. */
  onEnd(why: string, cause?: Error & { code?: unknown }): void {
    if (this.#closed) return;
    const replyCode = typeof cause?.code === 'number' ? cause.code : undefined;
    const how = replyCode === undefined ? 'closed' : 'refused';
    this.#closed = new MessageDeliveryFailure(how, `Not delivered: ${why}`, { replyCode, cause });
    for (const call of this.#pending.values()) call.reject(this.#closed);
    this.#onDrain();
  }

  /** Takes a message of the reply queue; null when the broker has cancelled the consumer, with the queue deleted. */
  onReply(message: Pick<Message, 'content'> | null): void {
    if (message === null) {
      this.onEnd('the broker cancelled the consumer of the reply queue');
      this.#channel.close().catch(() => undefined);
      return;
    }
    this.#pulse.beat();
    const reply = decodeReply(message.content);
    if (reply.kind === 'unreadable') this.#onUnreadable(reply);
    else this.#onReadable(reply);
  }

  /** Sends a request once more, on a channel of its own: the queue of another request may hold up the common one. */
  async #sendAside(call: PendingCall, deadline: Deadline): Promise<void> {
    if (call.isConfirmed) return;
    call.timesAside++;
    try {
      const close = await this.#publisher.publishAside(call.publication, deadline);
      if (call.isEnded) close();
      else call.closeAside.push(close);
    } catch (error) {
      call.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /**
   * A result or a failure settles its call; so does `ending`, which an older server sends as a second message.
   * What is left is a call-monitor heartbeat. A reply to no call in flight is late or foreign: dropped.
   */
  #onReadable(reply: Reply & { kind: 'reply' }): void {
    const call = this.#pending.get(reply.msgId);
    if (reply.failure !== undefined) call?.reject(new RemoteError(reply.failure));
    else if (reply.result !== null || reply.ending) call?.resolve(reply.result);
  }

  /**
   * An unreadable message that names its call fails that call. One that names none settles nothing, since the right
   * reply may still come; when a single call is in flight, that call's time-out says what had arrived.
   */
  #onUnreadable({ msgId, problem }: Reply & { kind: 'unreadable' }): void {
    if (msgId !== undefined) {
      this.#pending.get(msgId)?.reject(new UnreadableReply(problem));
      return;
    }
    if (this.#pending.size === 1) for (const call of this.#pending.values()) call.unreadable = problem;
  }

  /** A returned message is our own request; amqplib gives nothing of it but body and routing key. */
  #onReturn(returned: Message): void {
    this.#pulse.beat();
    const { msgId } = decodeReply(returned.content);
    const { exchange, routingKey } = returned.fields;
    const text = `No queue is bound to exchange "${exchange}" with routing key "${routingKey}"`;
    if (msgId !== undefined) this.#pending.get(msgId)?.reject(new MessageUndeliverable(text));
  }

  /** Whether anything has come from the broker since the call's request was sent. */
  #hasSign({ publishedMs }: PendingCall): boolean {
    return this.#pulse.hasBeatenSince(publishedMs);
  }

  #timeoutError(call: PendingCall): Error {
    const { isConfirmed, unreadable } = call;
    if (isConfirmed || unreadable !== undefined)
      return new MessagingTimeout('Timed out waiting for a reply', unreadable);
    if (this.#hasSign(call) && !this.#publisher.isBehind(call.publication))
      return new MessageDeliveryFailure('withheld', 'Not delivered: the broker lives, but does not confirm');
    return unconfirmed();
  }

  #onDrain(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

function unconfirmed(): MessageDeliveryFailure {
  return new MessageDeliveryFailure('unconfirmed', 'Not delivered: the broker gives no sign of life');
}
