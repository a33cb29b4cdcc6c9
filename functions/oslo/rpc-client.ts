import type { Message } from 'amqplib';
import { Call, type CallTiming, type ClientState, type Target } from './call.ts';
import { uncompressed } from './compression.ts';
import { MessageDeliveryFailure, MessageUndeliverable, RemoteError, UnreadableReply } from './errors.ts';
import type { Liveness } from './liveness.ts';
import { decodeReply, firstByMsgId, MAX_REPLY_BYTES, type Reply, type RpcRequest } from './message.ts';
import { CUT_HEADER } from './message-limit.ts';
import { type ChannelOpener, type PublishChannel, Publisher } from './publisher.ts';
import { replyQueueName } from './reply-queue.ts';
import { Semaphore } from './semaphore.ts';
import { TransientMap } from './transient-map.ts';

/** A message of a reply queue, as far as a client reads it. */
export interface ReplyMessage {
  readonly content: Buffer;
  readonly properties: { readonly headers?: Readonly<Record<string, unknown>> | undefined };
}

/** What a client needs of its connection. */
export interface ClientChannels {
  readonly channels: ChannelOpener;
  /** Declares one more reply queue, and consumes it. @returns deletes it */
  readonly openAnotherReplyQueue: (
    queue: string,
    onMessage: (message: ReplyMessage) => void,
  ) => Promise<() => void>;
}

/** How many calls at a time have a reply queue of their own. */
const OWN_REPLY_QUEUES = 16;

/**
 * An oslo.messaging RPC client (message format 2.0) with one reply queue for all its calls. Replies are matched by
 * `_msg_id`, so any number of calls may be in flight, answered in any order. Who has sent a reply is not known: an id that
 * nobody guesses is what keeps one server from answering for another.
 *
 * @example
 * const { client } = await openTransport(connection, onEnd, limit);
 * const target = { exchange: 'trove', topic: 'guestagent.<id>' };
 * const pong = await client.call(target, request, timing).result;
 */
export class RpcClient {
  /** The name of the queue that all replies come to. */
  readonly replyQueue: string;
  readonly #openAnotherReplyQueue: ClientChannels['openAnotherReplyQueue'];
  readonly #state: ClientState;
  readonly #ownReplyQueues = new Semaphore(OWN_REPLY_QUEUES);
  readonly #haveOwnReplyQueue = new WeakSet<Call>();
  #closed: MessageDeliveryFailure | undefined;
  /** Set while the socket's buffer is full. */
  #drained: PromiseWithResolvers<void> | undefined;

  /** @param replyQueue whose messages go to {@link onReply} @param liveness is told of whatever comes from the broker */
  constructor({ channels, openAnotherReplyQueue }: ClientChannels, replyQueue: string, liveness: Liveness) {
    this.replyQueue = replyQueue;
    this.#openAnotherReplyQueue = openAnotherReplyQueue;
    const publisher = new Publisher(channels, {
      onReturn: (message) => this.#onReturn(message),
      onDrain: () => this.#onDrain(),
      onPlainRefused: (failure) => {
        for (const call of this.#calls()) if (call.isPlain) call.onChannelRefused(failure);
      },
    });
    this.#state = { replyQueue, publisher, liveness, inFlight: new TransientMap() };
  }

  /** Sends requests without a confirm on this channel from now on. */
  publishWith(channel: PublishChannel): void {
    this.#state.publisher.usePlain(channel);
  }

  /** Opens the channel for requests with a confirm ahead of the first one. */
  prepareConfirms(): void {
    this.#state.publisher.prepare();
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
   * @param onSilence gets the call when the server counts as silent, and is to send it again then; without `onSilence` it is
   * sent again at once
   */
  call(target: Target, request: RpcRequest, timing: CallTiming, onSilence?: (call: Call) => void): Call {
    const call = new Call(this.#state, target, request, timing, onSilence);
    if (this.#closed) call.reject(this.#closed);
    else if (!call.send()) this.#drained ??= Promise.withResolvers();
    return call;
  }

  /** To be called when the channel has ended that replies come on: all calls fail, those in flight and later ones. */
  onEnd(why: string, cause?: Error): void {
    if (this.#closed) return;
    this.#closed = new MessageDeliveryFailure('closed', `Not delivered: ${why}`, { cause });
    for (const call of this.#calls()) call.reject(this.#closed);
    this.#onDrain();
  }

  /**
   * Takes a message of a reply queue. A message that cannot be read fails the call that it names. One that names none is
   * nobody's answer: the calls in flight are sent again, each with a reply queue of its own.
   *
   * @param sender whose server alone knows the queue
   */
  onReply(message: ReplyMessage, sender?: Call): void {
    this.#state.liveness.seen();
    const body = bodyOf(message);
    // Cheap things first: whoever floods the queue with what belongs to nobody has nothing parsed.
    const text = (typeof body === 'string' ? message.content : body).toString();
    const call = this.#callIn(text) ?? sender;
    if (call === undefined) {
      const namesNone = firstByMsgId(text, () => true) === undefined;
      const isAnyones = namesNone && message.content.length <= MAX_REPLY_BYTES && !isCut(message);
      if (isAnyones) for (const each of this.#calls()) this.#giveReplyQueue(each);
      return;
    }
    const reply = typeof body === 'string' ? body : decodeReply(text);
    if (typeof reply === 'string') call.reject(new UnreadableReply(reply));
    else if (reply.kind === 'unreadable') call.reject(new UnreadableReply(reply.problem));
    else this.#onReadable(reply);
  }

  /**
   * A result or a failure settles its call; so does `ending`, which an older server sends as a second message. What is left
   * is a call-monitor heartbeat.
   */
  #onReadable({ msgId, failure, result, ending }: Reply & { kind: 'reply' }): void {
    const call = this.#state.inFlight.get(msgId);
    if (failure !== undefined) call?.reject(new RemoteError(failure));
    else if (result !== null || ending) call?.resolve(result, msgId);
  }

  /** What comes to a reply queue of its own is of that call's server, whether or not it can be read. */
  async #giveReplyQueue(call: Call): Promise<void> {
    if (this.#haveOwnReplyQueue.has(call)) return;
    this.#haveOwnReplyQueue.add(call);
    if (!(await this.#ownReplyQueues.acquire(call.deadline))) return;
    const release = () => this.#ownReplyQueues.release();
    if (call.isEnded) {
      release();
      return;
    }
    const queue = replyQueueName();
    try {
      const deleteQueue = await this.#openAnotherReplyQueue(queue, (message) => this.onReply(message, call));
      call.sendWithReplyQueue(queue, () => {
        deleteQueue();
        release();
      });
    } catch {
      release(); // the channel has ended, and with it all calls
    }
  }

  /** The call in flight that a message names. */
  #callIn(text: string): Call | undefined {
    return firstByMsgId(text, (msgId) => this.#state.inFlight.get(msgId));
  }

  /** Those in flight, each once. */
  #calls(): Set<Call> {
    return new Set(this.#state.inFlight.values());
  }

  /** A returned message is our own request. One that holds a result is its own reply: nobody but this process has written it. */
  #onReturn(returned: Message): void {
    this.#state.liveness.seen();
    const body = returned.content.toString();
    const request = decodeReply(body);
    if (request.kind === 'reply' && request.result !== null) {
      this.onReply(returned);
      return;
    }
    const { exchange, routingKey } = returned.fields;
    const text = `No queue is bound to exchange "${exchange}" with routing key "${routingKey}"`;
    this.#callIn(body)?.reject(new MessageUndeliverable(text));
  }

  #onDrain(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

function isCut({ properties: { headers = {} } }: ReplyMessage): boolean {
  return typeof headers[CUT_HEADER] === 'number';
}

/** @returns a text that says why the body cannot be read, if it cannot */
function bodyOf({ content, properties: { headers = {} } }: ReplyMessage): Buffer | string {
  const cutFrom = headers[CUT_HEADER];
  if (typeof cutFrom === 'number') return `a message of ${cutFrom} bytes`;
  if (content.length > MAX_REPLY_BYTES) return `a message of ${content.length} bytes`;
  const compression = headers['compression'];
  return typeof compression === 'string' && compression !== ''
    ? uncompressed(content, compression, MAX_REPLY_BYTES)
    : content;
}
