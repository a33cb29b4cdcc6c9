import type { EventEmitter } from 'node:events';
import type { Message } from 'amqplib';
import { Call, type CallTiming, type ClientState, type Target } from './call.ts';
import { MessageDeliveryFailure, MessageUndeliverable, RemoteError, UnreadableReply } from './errors.ts';
import type { Liveness } from './liveness.ts';
import { decodeReply, type Reply, type RpcRequest } from './message.ts';
import { type PublishChannel, Publisher, type PublisherChannels } from './publisher.ts';
import { randomId } from './random-id.ts';
import { TransientMap } from './transient-map.ts';

/** How many of a `_msg_id`'s digits count the calls; the others are random. */
const COUNT_DIGITS = 8;

/**
 * An oslo.messaging RPC client (message format 2.0) with one reply queue for all its calls. Replies are matched by
 * `_msg_id`, so any number of calls may be in flight, answered in any order.
 *
 * @example
 * const { client } = await openTransport(connection, onEnd);
 * const target = { exchange: 'trove', topic: 'guestagent.<id>' };
 * const pong = await client.call(target, request, timing).result;
 */
export class RpcClient {
  /** The name of the queue that all replies come to. */
  readonly replyQueue: string;
  readonly #publishing: PublishChannel;
  readonly #state: ClientState;
  /** The first digits of each `_msg_id`. */
  readonly #name = randomId().slice(0, -COUNT_DIGITS);
  /** Of the calls so far. */
  #count = 0;
  #closed: MessageDeliveryFailure | undefined;
  /** Set while the socket's buffer is full. */
  #drained: PromiseWithResolvers<void> | undefined;

  /**
   * @param replyQueue whose messages go to {@link onReply}
   * @param liveness is told of whatever comes from the broker
   */
  constructor({ publishing, openConfirm }: PublisherChannels, replyQueue: string, liveness: Liveness) {
    this.replyQueue = replyQueue;
    this.#publishing = publishing;
    this.#dependOn(publishing);
    const publisher = new Publisher({
      publishing,
      openConfirm: async () => this.#dependOn(await openConfirm()),
      openOwn: async () => this.#hearReturns(await openConfirm()),
    });
    this.#state = { replyQueue, publisher, liveness, inFlight: new TransientMap() };
  }

  /** False once a channel has closed on which calls depend; every call fails from then on. */
  get isOpen(): boolean {
    return this.#closed === undefined;
  }

  /** Whether the socket takes more requests. */
  get isWritable(): boolean {
    return this.#drained === undefined;
  }

  /** Resolves when {@link isWritable}; a caller of many calls awaits this before each of them. */
  async writable(): Promise<void> {
    await this.#drained?.promise;
  }

  /**
   * Calls a method; the call in flight has the {@link Call.result | result}.
   *
   * @param onSilence gets the call when it is sent with a confirm: the server has kept silent so far
   */
  call(target: Target, request: RpcRequest, timing: CallTiming, onSilence?: (call: Call) => void): Call {
    const call = new Call(this.#state, this.#nextId(), target, request, timing, onSilence);
    if (this.#closed) call.reject(this.#closed);
    else if (!call.send()) this.#drained ??= Promise.withResolvers();
    return call;
  }

  /** To be called when a channel has ended on which calls depend: all calls fail, those in flight and later ones. */
  onEnd(why: string, cause?: Error & { code?: unknown }): void {
    if (this.#closed) return;
    const replyCode = typeof cause?.code === 'number' ? cause.code : undefined;
    const how = replyCode === undefined ? 'closed' : 'refused';
    this.#closed = new MessageDeliveryFailure(how, `Not delivered: ${why}`, { replyCode, cause });
    for (const call of this.#state.inFlight.values()) call.reject(this.#closed);
    this.#onDrain();
  }

  /** Takes a message of the reply queue; null when the broker has cancelled the consumer, with the queue deleted. */
  onReply(message: Pick<Message, 'content'> | null): void {
    if (message === null) {
      this.onEnd('the broker cancelled the consumer of the reply queue');
      this.#publishing.close().catch(() => undefined);
      return;
    }
    this.#state.liveness.seen();
    const reply = decodeReply(message.content);
    if (reply.kind === 'unreadable') this.#onUnreadable(reply);
    else this.#onReadable(reply);
  }

  /**
   * A result or a failure settles its call; so does `ending`, which an older server sends as a second message.
   * What is left is a call-monitor heartbeat. A reply to no call in flight is late or foreign: dropped.
   */
  #onReadable(reply: Reply & { kind: 'reply' }): void {
    const call = this.#state.inFlight.get(reply.msgId);
    if (reply.failure !== undefined) call?.reject(new RemoteError(reply.failure));
    else if (reply.result !== null || reply.ending) call?.resolve(reply.result);
  }

  /**
   * An unreadable message that names its call fails that call. One that names none settles nothing, since the right
   * reply may still come; when a single call is in flight, that call's time-out says what had arrived.
   */
  #onUnreadable({ msgId, problem }: Reply & { kind: 'unreadable' }): void {
    if (msgId !== undefined) {
      this.#state.inFlight.get(msgId)?.reject(new UnreadableReply(problem));
      return;
    }
    const { size, oldest: only } = this.#state.inFlight;
    if (size === 1 && only !== undefined) only.unreadable = problem;
  }

  /** Has the client end with that channel. */
  #dependOn<C extends Pick<EventEmitter, 'on'>>(channel: C): C {
    channel.on('drain', () => this.#onDrain());
    channel.on('error', (error: Error) => this.onEnd('the channel failed', error));
    channel.on('close', () => this.onEnd('the channel closed'));
    return this.#hearReturns(channel);
  }

  #hearReturns<C extends Pick<EventEmitter, 'on'>>(channel: C): C {
    channel.on('return', (message: Message) => this.#onReturn(message));
    return channel;
  }

  /** A returned message is our own request; amqplib gives nothing of it but body and routing key. */
  #onReturn(returned: Message): void {
    this.#state.liveness.seen();
    const { msgId } = decodeReply(returned.content);
    const { exchange, routingKey } = returned.fields;
    const text = `No queue is bound to exchange "${exchange}" with routing key "${routingKey}"`;
    if (msgId !== undefined) this.#state.inFlight.get(msgId)?.reject(new MessageUndeliverable(text));
  }

  /** 32 hex digits, as Python's `uuid4().hex`. */
  #nextId(): string {
    this.#count = (this.#count + 1) % 16 ** COUNT_DIGITS;
    return this.#name + this.#count.toString(16).padStart(COUNT_DIGITS, '0');
  }

  #onDrain(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}
