import type { Channel, ConfirmChannel, Message } from 'amqplib';
import {
  MessageDeliveryFailure,
  MessageUndeliverable,
  MessagingTimeout,
  RemoteError,
  UnreadableReply,
} from './errors.ts';
import { decodeReply, encodeRequest, type Reply, type Request } from './message.ts';
import { hexId, openReplyQueue } from './reply-queue.ts';

/** Where a server listens: its control exchange and its topic, which is the routing key. */
export interface Target {
  readonly exchange: string;
  readonly topic: string;
}

export interface CallOptions {
  /** How long to wait for the reply, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Within how many milliseconds the broker must confirm the request, or a reply come. Ask for it where the
   * connection may be dead without anyone having noticed; a live broker may be slow to confirm.
   */
  readonly confirmTimeoutMs?: number | undefined;
}

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  isConfirmed: boolean;
  /** Set when an unreadable message arrived that only this call can have caused. */
  unreadable?: string;
}

/**
 * An oslo.messaging RPC client (message format 2.0) on one confirm channel, with one reply queue for all its
 * calls. Replies are matched by `_msg_id`, so any number of calls may be in flight, answered in any order.
 *
 * @example
 * const client = await RpcClient.open(channel, spare);
 * const pong = await client.call({ exchange: 'trove', topic: 'guestagent.<id>' }, request, { timeoutMs: 15_000 });
 */
export class RpcClient {
  readonly #channel: ConfirmChannel;
  readonly #pending = new Map<string, PendingCall>();
  #replyQueue = '';
  #closed: MessageDeliveryFailure | undefined;

  /**
   * Opens the reply queue. `channel` is the client's from then on: when it ends, every call in flight fails.
   *
   * @param spare see {@link openReplyQueue}
   * @throws what amqplib throws when the broker refuses the queue or the channel ends meanwhile
   */
  static async open(channel: ConfirmChannel, spare: Channel): Promise<RpcClient> {
    const client = new RpcClient(channel);
    client.#replyQueue = await openReplyQueue(channel, spare, (message) => client.#onReply(message));
    return client;
  }

  private constructor(channel: ConfirmChannel) {
    this.#channel = channel;
    channel.on('return', (message) => this.#onReturn(message));
    channel.on('error', (error) => this.#close('the channel failed', error));
    channel.on('close', () => this.#close('the channel closed'));
  }

  /**
   * Calls a method and waits for its result. The request expires on the broker at the deadline, so a dead
   * server's queue does not fill up.
   *
   * @returns the reply's `result`, as JSON gave it
   * @throws MessagingTimeout, MessageUndeliverable, MessageDeliveryFailure, UnreadableReply or RemoteError
   */
  async call(target: Target, request: Request, options: CallOptions): Promise<unknown> {
    const { timeoutMs, confirmTimeoutMs } = options;
    if (this.#closed) throw this.#closed;
    if (timeoutMs <= 0) throw new MessagingTimeout('The deadline had passed before the request was sent');
    const msgId = hexId();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const call: PendingCall = { resolve, reject, isConfirmed: false };
    this.#pending.set(msgId, call);
    const timers = [
      afterWaiting(timeoutMs, () => reject(timeoutError(call))),
      confirmTimeoutMs && afterWaiting(confirmTimeoutMs, () => call.isConfirmed || reject(unconfirmed())),
    ];
    try {
      this.#publish(target, request, msgId, timeoutMs);
      return await promise;
    } finally {
      timers.forEach(clearTimeout);
      this.#pending.delete(msgId);
    }
  }

  #publish(target: Target, request: Request, msgId: string, timeoutMs: number): void {
    const body = encodeRequest(request, { msgId, replyQueue: this.#replyQueue, uniqueId: hexId() });
    const properties = {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: {},
      deliveryMode: 2,
      priority: 0,
      expiration: String(Math.ceil(timeoutMs)),
      mandatory: true,
    };
    this.#channel.publish(target.exchange, target.topic, body, properties, (refused: unknown) => {
      const call = this.#pending.get(msgId);
      if (call === undefined) return;
      if (refused === null) call.isConfirmed = true;
      // Deferred: when the channel closes, amqplib says so here before our own listener hears of it.
      else
        queueMicrotask(() => call.reject(new MessageDeliveryFailure('refused', 'Not delivered: basic.nack')));
    });
  }

  #onReply(message: Message | null): void {
    if (message === null) {
      this.#close('the broker cancelled the consumer of the reply queue');
      this.#channel.close().catch(() => undefined);
      return;
    }
    const reply = decodeReply(message.content);
    if (reply.kind === 'unreadable') this.#onUnreadable(reply);
    else this.#onReadable(reply);
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
   * An unreadable reply that names its call fails it. One that names none settles nothing, since the right
   * reply may still come; but if a single call was in flight, its deadline will say what had arrived.
   */
  #onUnreadable(reply: Reply & { kind: 'unreadable' }): void {
    if (reply.msgId !== undefined) {
      this.#pending.get(reply.msgId)?.reject(new UnreadableReply(reply.problem));
      return;
    }
    const [only, ...others] = this.#pending.values();
    if (only !== undefined && others.length === 0) only.unreadable = reply.problem;
  }

  /** A returned message is our own request; amqplib tells no more of it than its body and routing key. */
  #onReturn(returned: Message): void {
    const reply = decodeReply(returned.content);
    const { exchange, routingKey } = returned.fields;
    const text = `No queue is bound to exchange "${exchange}" with routing key "${routingKey}"`;
    if (reply.msgId !== undefined) this.#pending.get(reply.msgId)?.reject(new MessageUndeliverable(text));
  }

  #close(why: string, cause?: Error & { code?: unknown }): void {
    if (this.#closed) return;
    const replyCode = typeof cause?.code === 'number' ? cause.code : undefined;
    const how = replyCode === undefined ? 'closed' : 'refused';
    this.#closed = new MessageDeliveryFailure(how, `Not delivered: ${why}`, { replyCode, cause });
    for (const call of this.#pending.values()) call.reject(this.#closed);
  }
}

function timeoutError(call: PendingCall): Error {
  if (call.unreadable !== undefined) return new UnreadableReply(call.unreadable);
  return call.isConfirmed ? new MessagingTimeout('Timed out waiting for a reply') : unconfirmed();
}

function unconfirmed(): MessageDeliveryFailure {
  return new MessageDeliveryFailure('unconfirmed', 'Not delivered: the broker did not confirm the request');
}

/**
 * As setTimeout, but what has arrived by then is read first: a process that was stopped finds its timers run out
 * together with replies that came in time.
 */
function afterWaiting(ms: number, callback: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(callback), ms);
}
