import type { EventEmitter } from 'node:events';
import type { ConfirmChannel, Message } from 'amqplib';
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
import type { Pulse } from './pulse.ts';
import { hexId } from './reply-queue.ts';

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

/** What a client uses of its channel. */
export type CallChannel = Pick<EventEmitter, 'on'> & Pick<ConfirmChannel, 'publish' | 'close'>;

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onConfirmed: () => void;
  /** In the milliseconds of `performance.now()`. */
  readonly publishedMs: number;
  isConfirmed: boolean;
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
  readonly #channel: CallChannel;
  readonly #pulse: Pulse;
  readonly #pending = new Map<string, PendingCall>();
  #closed: MessageDeliveryFailure | undefined;
  /** Set while the socket's buffer is full. */
  #drained: PromiseWithResolvers<void> | undefined;

  /**
   * @param replyQueue whose messages go to {@link onReply}
   * @param pulse beats with whatever comes from the broker
   */
  constructor(channel: CallChannel, replyQueue: string, pulse: Pulse) {
    this.replyQueue = replyQueue;
    this.#channel = channel;
    this.#pulse = pulse;
    channel.on('return', (message: Message) => this.#onReturn(message));
    channel.on('drain', () => this.#onDrain());
    channel.on('error', (error: Error) => this.#close('the channel failed', error));
    channel.on('close', () => this.#close('the channel closed'));
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
    const { deadline, confirmTimeoutMs, onConfirmed = () => undefined, signal } = options;
    const timeoutMs = deadline.leftMs;
    if (this.#closed) throw this.#closed;
    if (timeoutMs === 0) throw new MessagingTimeout('The deadline had passed before the request was sent');
    const msgId = hexId();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const publishedMs = performance.now();
    const call: PendingCall = { resolve, reject, onConfirmed, publishedMs, isConfirmed: false };
    this.#pending.set(msgId, call);
    const timers = [
      afterReading(timeoutMs, () => reject(this.#timeoutError(call))),
      confirmTimeoutMs && afterReading(confirmTimeoutMs, () => this.#hasSign(call) || reject(unconfirmed())),
    ];
    const onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      this.#publish(target, request, msgId, timeoutMs);
      return await promise;
    } finally {
      timers.forEach(clearTimeout);
      signal?.removeEventListener('abort', onAbort);
      this.#pending.delete(msgId);
    }
  }

  /** Takes a message of the reply queue; null when the broker has cancelled the consumer, with the queue deleted. */
  onReply(message: Pick<Message, 'content'> | null): void {
    if (message === null) {
      this.#close('the broker cancelled the consumer of the reply queue');
      this.#channel.close().catch(() => undefined);
      return;
    }
    this.#pulse.beat();
    const reply = decodeReply(message.content);
    if (reply.kind === 'unreadable') this.#onUnreadable(reply);
    else this.#onReadable(reply);
  }

  #publish(target: Target, request: Request, msgId: string, timeoutMs: number): void {
    const body = encodeRequest(request, { msgId, replyQueue: this.replyQueue, uniqueId: hexId() });
    const properties = {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: {},
      deliveryMode: 2,
      priority: 0,
      expiration: String(Math.ceil(timeoutMs)),
      mandatory: true,
    };
    const onConfirm = (refused: unknown) => {
      const call = this.#pending.get(msgId);
      if (refused !== null) {
        // Deferred: when the channel closes, amqplib reports that here before our own listener hears of it.
        queueMicrotask(() => call?.reject(new MessageDeliveryFailure('nacked', 'Not delivered: basic.nack')));
        return;
      }
      this.#pulse.beat();
      if (call === undefined) return;
      call.isConfirmed = true;
      call.onConfirmed();
    };
    try {
      const { exchange, topic } = target;
      const isWritable = this.#channel.publish(exchange, topic, body, properties, onConfirm);
      if (!isWritable) this.#drained ??= Promise.withResolvers();
    } catch (cause) {
      throw new MessageDeliveryFailure('closed', 'Not delivered: the channel is closing', { cause });
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
    if (this.#hasSign(call))
      return new MessageDeliveryFailure('withheld', 'Not delivered: the broker lives, but does not confirm');
    return unconfirmed();
  }

  #onDrain(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #close(why: string, cause?: Error & { code?: unknown }): void {
    if (this.#closed) return;
    const replyCode = typeof cause?.code === 'number' ? cause.code : undefined;
    const how = replyCode === undefined ? 'closed' : 'refused';
    this.#closed = new MessageDeliveryFailure(how, `Not delivered: ${why}`, { replyCode, cause });
    for (const call of this.#pending.values()) call.reject(this.#closed);
    this.#onDrain();
  }
}

function unconfirmed(): MessageDeliveryFailure {
  return new MessageDeliveryFailure('unconfirmed', 'Not delivered: the broker gives no sign of life');
}
