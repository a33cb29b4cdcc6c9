import { afterReading } from '../time/after-reading.ts';
import type { Deadline } from '../time/deadline.ts';
import { MessageDeliveryFailure, MessagingTimeout } from './errors.ts';
import type { Liveness } from './liveness.ts';
import type { RpcRequest } from './message.ts';
import type { Publication, Publisher, Sender } from './publisher.ts';
import { randomId } from './random-id.ts';
import type { TransientMap } from './transient-map.ts';

/** As oslo.messaging sends a request. */
const PROPERTIES = {
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  headers: {},
  deliveryMode: 2,
  priority: 0,
  mandatory: true,
} as const;

/** Where a server listens: its control exchange and its topic, which is the routing key. */
export interface Target {
  readonly exchange: string;
  readonly topic: string;
}

/** What happens to a call that stays unanswered, and when: milliseconds after the call was sent; infinite: never. */
export interface CallTiming {
  /** Until when to wait for the reply; the request expires on the broker at that moment. */
  readonly deadline: Deadline;
  /**
   * The request is sent once more, with a publisher confirm. A server that answers before costs no confirm. For few calls at
   * a time: only requests with a confirm notice that a channel is held up. At 0 the first request has one.
   */
  readonly confirmAfterMs: number;
  /** The broker must have confirmed the request, or given another sign of life, or the connection counts as dead. */
  readonly signOfLifeMs: number;
  /** Counted from the request with a confirm: without it, the request is sent on a channel of its own. */
  readonly ownChannelAfterMs: number;
  /**
   * The request is sent on a channel of its own for the last time. A quorum queue whose leader hangs gets another leader,
   * which a channel that asked the old one never learns.
   */
  readonly lastSendMs: number;
}

/** What the calls of one client share. */
export interface ClientState {
  readonly replyQueue: string;
  readonly publisher: Publisher;
  /** Beats with whatever comes from the broker. */
  readonly liveness: Liveness;
  /** The calls in flight, by `_msg_id`. */
  readonly inFlight: TransientMap<string, Call>;
}

/** One call: its request, and the wait for the reply. It ends once: by the reply, by its clock, or by {@link reject}. */
export class Call implements Sender {
  /**
   * The reply's `result`, as JSON gave it. Rejects with MessagingTimeout, MessageUndeliverable, MessageDeliveryFailure,
   * UnreadableReply or RemoteError, or with what {@link reject} was given.
   */
  readonly result: Promise<unknown>;
  /** What was wrong with a message without `_msg_id` that arrived while this was the only call in flight. */
  unreadable?: string;
  readonly #msgId: string;
  readonly #target: Target;
  readonly #request: RpcRequest;
  readonly #client: ClientState;
  readonly #timing: CallTiming;
  readonly #onSilence: ((call: Call) => void) | undefined;
  readonly #settle: PromiseWithResolvers<unknown>;
  /** In the milliseconds of `performance.now()`. */
  readonly #sentMs = performance.now();
  readonly #timeoutMs: number;
  #timers: (NodeJS.Timeout | undefined)[] = [];
  #isConfirmed = false;
  #isEnded = false;
  /** On how many channels of its own the request was sent. */
  #ownChannels = 0;
  /** Close them. */
  readonly #closeOwnChannels: (() => void)[] = [];

  /** @param msgId 32 hex digits that no other call has had */
  constructor(
    client: ClientState,
    msgId: string,
    target: Target,
    request: RpcRequest,
    timing: CallTiming,
    onSilence?: (call: Call) => void,
  ) {
    this.#client = client;
    this.#msgId = msgId;
    this.#target = target;
    this.#request = request;
    this.#timing = timing;
    this.#onSilence = onSilence;
    this.#timeoutMs = timing.deadline.leftMs;
    this.#settle = Promise.withResolvers();
    this.result = this.#settle.promise;
  }

  /** Whether the broker has taken the request. */
  get isConfirmed(): boolean {
    return this.#isConfirmed;
  }

  /** Sends the request. @returns whether the socket takes more */
  send(): boolean {
    const { inFlight, publisher } = this.#client;
    if (this.#timeoutMs === 0) {
      this.reject(new MessagingTimeout('The deadline had passed before the request was sent'));
      return true;
    }
    inFlight.set(this.#msgId, this);
    const { confirmAfterMs } = this.#timing;
    try {
      const request = this.#publication(this.#msgId);
      if (confirmAfterMs === 0 || publisher.isHeldUp) return this.#sendToConfirm(request);
      this.#timers = [this.#after(confirmAfterMs, () => this.#sendAgain())];
      return publisher.publish(request);
    } catch (error) {
      this.reject(error);
      return true;
    }
  }

  resolve(result: unknown): void {
    this.#end();
    this.#settle.resolve(result);
  }

  /** Ends the wait for the reply. */
  reject(error: unknown): void {
    this.#end();
    this.#settle.reject(error);
  }

  onConfirmed(): void {
    this.#client.liveness.seen();
    this.#isConfirmed = true;
  }

  onRefused(failure: MessageDeliveryFailure): void {
    this.reject(failure);
  }

  #sendAgain(): void {
    try {
      this.#sendToConfirm(this.#publication());
    } catch (error) {
      this.reject(error);
    }
  }

  /** Sends a request that the broker is to confirm, and watches the clock. @returns whether the socket takes more */
  #sendToConfirm(request: Publication): boolean {
    this.#timers = [
      this.#at(this.#timeoutMs, () => this.reject(this.#timeoutError())),
      this.#at(this.#timing.signOfLifeMs, () => this.#hasSign || this.reject(unconfirmed())),
      this.#after(this.#timing.ownChannelAfterMs, () => this.#onStuck()),
    ];
    this.#onSilence?.(this);
    const { publisher } = this.#client;
    if (!publisher.isHeldUp) return publisher.publishConfirmed(request, this);
    this.#sendOnOwnChannel();
    return true;
  }

  #onStuck(): void {
    if (this.#isConfirmed) return;
    if (this.#ownChannels === 0) this.#sendOnOwnChannel();
    this.#timers.push(this.#at(this.#timing.lastSendMs, () => this.#sendOnOwnChannel()));
  }

  /** Sends the request on a channel of its own: the queue of another request may hold up the common one. */
  async #sendOnOwnChannel(): Promise<void> {
    if (this.#isConfirmed) return;
    this.#ownChannels++;
    const { deadline } = this.#timing;
    try {
      const request = this.#publication();
      const close = await this.#client.publisher.publishOnOwnChannel(request, this, deadline);
      if (this.#isEnded) close();
      else this.#closeOwnChannels.push(close);
    } catch (error) {
      this.reject(error);
    }
  }

  /** @param uniqueId a new one for each time that the request is sent: a server drops what repeats one */
  #publication(uniqueId = randomId()): Publication {
    const { replyQueue } = this.#client;
    return {
      exchange: this.#target.exchange,
      routingKey: this.#target.topic,
      body: this.#request.body({ msgId: this.#msgId, replyQueue, uniqueId }),
      properties: { ...PROPERTIES, expiration: String(Math.ceil(this.#timing.deadline.leftMs)) },
    };
  }

  /** A timer for so many milliseconds after the call began. */
  #at(ms: number, callback: () => void): NodeJS.Timeout | undefined {
    return this.#after(Math.max(0, this.#sentMs + ms - performance.now()), callback);
  }

  #after(ms: number, callback: () => void): NodeJS.Timeout | undefined {
    return afterReading(ms, () => this.#isEnded || callback());
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#client.inFlight.delete(this.#msgId);
    for (const timer of this.#timers) clearTimeout(timer);
    for (const close of this.#closeOwnChannels) close();
  }

  /** Whether anything has come from the broker since the request was sent. */
  get #hasSign(): boolean {
    return this.#client.liveness.isSeenSince(this.#sentMs);
  }

  #timeoutError(): Error {
    if (this.#isConfirmed || this.unreadable !== undefined)
      return new MessagingTimeout('Timed out waiting for a reply', this.unreadable);
    if (this.#hasSign && !this.#client.publisher.isBehind(this))
      return new MessageDeliveryFailure('withheld', 'Not delivered: the broker lives, but does not confirm');
    return unconfirmed();
  }
}

function unconfirmed(): MessageDeliveryFailure {
  return new MessageDeliveryFailure('unconfirmed', 'Not delivered: the broker gives no sign of life');
}
