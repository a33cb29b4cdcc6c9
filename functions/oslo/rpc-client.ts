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
  /** Ends the wait early: the call then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Who listens on a topic, as the broker tells it. */
export interface Listeners {
  /** Consumers of the topic's queue. */
  readonly consumers: number;
  /** Messages that wait in it. */
  readonly messages: number;
}

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  isConfirmed: boolean;
  /** Set when an unreadable message arrived that only this call can have caused. */
  unreadable?: string;
}

/** The channels that a client works with; an error on any of them must have a listener. */
export interface RpcChannels {
  /** The client's own: when it ends, every call in flight fails. */
  readonly main: ConfirmChannel;
  /** See {@link openReplyQueue}. */
  readonly spare: Channel;
  /** Opens a channel to be thrown away. */
  readonly open: () => Promise<Channel>;
}

/**
 * An oslo.messaging RPC client (message format 2.0) on one confirm channel, with one reply queue for all its
 * calls. Replies are matched by `_msg_id`, so any number of calls may be in flight, answered in any order.
 *
 * @example
 * const client = await RpcClient.open(channels);
 * const pong = await client.call({ exchange: 'trove', topic: 'guestagent.<id>' }, request, { timeoutMs: 15_000 });
 */
export class RpcClient {
  readonly #channel: ConfirmChannel;
  readonly #openChannel: () => Promise<Channel>;
  readonly #pending = new Map<string, PendingCall>();
  #replyQueue = '';
  #closed: MessageDeliveryFailure | undefined;
  #lastInspection: Promise<unknown> = Promise.resolve();
  /** There while the socket takes no more. */
  #drained: PromiseWithResolvers<void> | undefined;

  /**
   * Opens the reply queue.
   *
   * @throws what amqplib throws when the broker refuses the queue or the channel ends meanwhile
   */
  static async open(channels: RpcChannels): Promise<RpcClient> {
    const client = new RpcClient(channels);
    client.#replyQueue = await openReplyQueue(channels.main, channels.spare, (message) =>
      client.#onReply(message),
    );
    return client;
  }

  private constructor({ main, open }: RpcChannels) {
    this.#channel = main;
    this.#openChannel = open;
    main.on('return', (message) => this.#onReturn(message));
    main.on('drain', () => this.#onDrain());
    main.on('error', (error) => this.#close('the channel failed', error));
    main.on('close', () => this.#close('the channel closed'));
  }

  /**
   * Calls a method and waits for its result. The request expires on the broker at the deadline, so a dead
   * server's queue does not fill up.
   *
   * @returns the reply's `result`, as JSON gave it
   * @throws MessagingTimeout, MessageUndeliverable, MessageDeliveryFailure, UnreadableReply or RemoteError
   */
  async call(target: Target, request: Request, options: CallOptions): Promise<unknown> {
    const { timeoutMs, confirmTimeoutMs, signal } = options;
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

  /** False once the channel has closed; every call fails from then on. */
  get isOpen(): boolean {
    return this.#closed === undefined;
  }

  /**
   * Asks the broker for a sign of life. It also makes it tell of an alarm; see {@link listeners}.
   *
   * @throws MessageDeliveryFailure when there is none: the connection is dead
   */
  async proveAlive(exchange: string, timeoutMs: number): Promise<void> {
    await this.listeners({ exchange, topic: this.#replyQueue }, timeoutMs);
  }

  /** Resolves when the socket takes more requests; whoever makes many calls awaits it before each of them. */
  async writable(): Promise<void> {
    await this.#drained?.promise;
  }

  /**
   * Asks the broker who listens on a topic, one such question at a time, each on a channel of its own: asked for
   * a queue that is missing, or that we may not see, the broker closes the channel. RabbitMQ tells of a memory or
   * disk alarm only to those who publish, so a message that reaches nobody goes before.
   *
   * @param timeoutMs how long the broker may take to open the channel, and then to answer, in milliseconds
   * @param isStillWanted asked when its turn has come
   * @returns undefined when the broker does not tell
   * @throws MessageDeliveryFailure when it does not even open a channel: the connection is dead
   */
  listeners(target: Target, timeoutMs: number, isStillWanted = () => true): Promise<Listeners | undefined> {
    const inspection = this.#lastInspection.then(() =>
      isStillWanted() ? this.#inspect(target, timeoutMs) : undefined,
    );
    this.#lastInspection = inspection.catch(() => undefined);
    return inspection;
  }

  async #inspect({ exchange, topic }: Target, timeoutMs: number): Promise<Listeners | undefined> {
    const channel = await inTime(this.#openChannel(), timeoutMs);
    if (channel === undefined) throw unconfirmed();
    channel.publish(exchange, this.#replyQueue, Buffer.alloc(0)); // no queue is bound with this key
    const answer = await inTime(
      channel.checkQueue(topic).catch(() => undefined),
      timeoutMs,
    );
    channel.close().catch(() => undefined);
    return answer && { consumers: answer.consumerCount, messages: answer.messageCount };
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
    const onConfirm = (refused: unknown) => {
      const call = this.#pending.get(msgId);
      if (call === undefined) return;
      if (refused === null) call.isConfirmed = true;
      // Deferred: when the channel closes, amqplib says so here before our own listener hears of it.
      else
        queueMicrotask(() => call.reject(new MessageDeliveryFailure('refused', 'Not delivered: basic.nack')));
    };
    try {
      const { exchange, topic } = target;
      const isWritable = this.#channel.publish(exchange, topic, body, properties, onConfirm);
      if (!isWritable) this.#drained ??= Promise.withResolvers();
    } catch (cause) {
      throw new MessageDeliveryFailure('closed', 'Not delivered: the channel is closing', { cause });
    }
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
      this.#pending.get(reply.msgId)?.reject(new UnreadableReply(reply.problem, true));
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

function timeoutError(call: PendingCall): Error {
  if (call.unreadable !== undefined) return new UnreadableReply(call.unreadable, false);
  return call.isConfirmed ? new MessagingTimeout('Timed out waiting for a reply') : unconfirmed();
}

function unconfirmed(): MessageDeliveryFailure {
  return new MessageDeliveryFailure('unconfirmed', 'Not delivered: the broker gives no sign of life');
}

/** What the promise gives within `timeoutMs` milliseconds, else undefined. */
async function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const { promise: timeout, resolve } = Promise.withResolvers<undefined>();
  const timer = afterWaiting(timeoutMs, () => resolve(undefined));
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * As setTimeout, but what has arrived by then is read first: a process that was stopped finds its timers run out
 * together with replies that came in time.
 */
function afterWaiting(ms: number, callback: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(callback), ms);
}
