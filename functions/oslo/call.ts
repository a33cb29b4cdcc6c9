import { afterReading } from '../time/after-reading.ts';
import type { Deadline } from '../time/deadline.ts';
import { MessageDeliveryFailure, MessagingTimeout } from './errors.ts';
import type { Liveness } from './liveness.ts';
import type { RpcRequest } from './message.ts';
import { type Publication, type Publisher, type Sender, STUCK_MS } from './publisher.ts';
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

/**
 * The share of its time after which a request that the broker has not taken is sent for the last time. A quorum queue
 * whose leader hangs has another leader within ten seconds, which a channel that asked the old one never learns.
 */
const LAST_SEND_SHARE = 2 / 3;

/** The largest share of its time that a request without a confirm is waited for: the rest is for what follows. */
const UNCONFIRMED_SHARE = 1 / 8;

/** Where a server listens: its control exchange and its topic, which is the routing key. */
export interface Target {
  readonly exchange: string;
  readonly topic: string;
}

export interface CallOptions {
  /** Until when to wait for the reply; the request expires on the broker at that moment. */
  readonly deadline: Deadline;
  /**
   * How long the reply is waited for before the request is sent once more, with a publisher confirm, in milliseconds. A
   * server that answers within that time costs no confirm. For few calls at a time: that a channel is held up is noticed by
   * requests with a confirm alone. By default the first request has one.
   */
  readonly confirmAfterMs?: number | undefined;
  /** Gets the call when that time is over and the server has kept silent; without such a time, at once. */
  readonly onSilence?: ((call: Call) => void) | undefined;
  /**
   * Within how many milliseconds the broker must confirm the request, or give another sign of life. For a connection
   * that may be dead without anyone having noticed.
   */
  readonly confirmTimeoutMs?: number | undefined;
}

/** What the calls of one client share. */
export interface Line {
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
  readonly #line: Line;
  readonly #options: CallOptions;
  readonly #settle: PromiseWithResolvers<unknown>;
  /** In the milliseconds of `performance.now()`. */
  readonly #begunMs = performance.now();
  readonly #timeoutMs: number;
  #timers: (NodeJS.Timeout | undefined)[] = [];
  #isConfirmed = false;
  #isEnded = false;
  /** How often the request was sent on a channel of its own. */
  #timesAside = 0;
  /** Each closes such a channel. */
  readonly #closeAside: (() => void)[] = [];

  /** @param msgId 32 hex digits that no other call has had */
  constructor(line: Line, msgId: string, target: Target, request: RpcRequest, options: CallOptions) {
    this.#line = line;
    this.#msgId = msgId;
    this.#target = target;
    this.#request = request;
    this.#options = options;
    this.#timeoutMs = options.deadline.leftMs;
    this.#settle = Promise.withResolvers();
    this.result = this.#settle.promise;
  }

  /** Whether the broker has taken the request. */
  get isConfirmed(): boolean {
    return this.#isConfirmed;
  }

  /** Sends the request. @returns whether the socket takes more */
  begin(): boolean {
    const { inFlight, publisher } = this.#line;
    if (this.#timeoutMs === 0) {
      this.reject(new MessagingTimeout('The deadline had passed before the request was sent'));
      return true;
    }
    inFlight.set(this.#msgId, this);
    const { confirmAfterMs = 0 } = this.#options;
    try {
      const request = this.#publication(this.#msgId);
      if (confirmAfterMs === 0 || publisher.isHeldUp) return this.#sendWatched(request);
      const silentMs = Math.min(confirmAfterMs, UNCONFIRMED_SHARE * this.#timeoutMs);
      this.#timers = [this.#after(silentMs, () => this.#onSilence())];
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
    this.#line.liveness.seen();
    this.#isConfirmed = true;
  }

  onRefused(failure: MessageDeliveryFailure): void {
    this.reject(failure);
  }

  #onSilence(): void {
    try {
      this.#sendWatched(this.#publication());
    } catch (error) {
      this.reject(error);
    }
  }

  /** Sends a request that the broker is to confirm, and watches the clock. @returns whether the socket takes more */
  #sendWatched(request: Publication): boolean {
    const { confirmTimeoutMs = Number.POSITIVE_INFINITY } = this.#options;
    this.#timers = [
      this.#at(this.#timeoutMs, () => this.reject(this.#timeoutError())),
      this.#at(confirmTimeoutMs, () => this.#hasSign || this.reject(unconfirmed())),
      this.#after(STUCK_MS, () => this.#onStuck()),
    ];
    this.#options.onSilence?.(this);
    const { publisher } = this.#line;
    if (!publisher.isHeldUp) return publisher.publishConfirmed(request, this);
    this.#sendAside();
    return true;
  }

  #onStuck(): void {
    if (this.#isConfirmed) return;
    if (this.#timesAside === 0) this.#sendAside();
    this.#timers.push(this.#at(LAST_SEND_SHARE * this.#timeoutMs, () => this.#sendAside()));
  }

  /** Sends the request on a channel of its own: the queue of another request may hold up the common one. */
  async #sendAside(): Promise<void> {
    if (this.#isConfirmed) return;
    this.#timesAside++;
    const { deadline } = this.#options;
    try {
      const request = this.#publication();
      const close = await this.#line.publisher.publishAside(request, this, deadline);
      if (this.#isEnded) close();
      else this.#closeAside.push(close);
    } catch (error) {
      this.reject(error);
    }
  }

  /** @param uniqueId a new one for each time that the request is sent: a server drops what repeats one */
  #publication(uniqueId = randomId()): Publication {
    const { replyQueue } = this.#line;
    return {
      exchange: this.#target.exchange,
      routingKey: this.#target.topic,
      body: this.#request.body({ msgId: this.#msgId, replyQueue, uniqueId }),
      properties: { ...PROPERTIES, expiration: String(Math.ceil(this.#options.deadline.leftMs)) },
    };
  }

  /** A timer for so many milliseconds after the call began. */
  #at(ms: number, callback: () => void): NodeJS.Timeout | undefined {
    return this.#after(Math.max(0, this.#begunMs + ms - performance.now()), callback);
  }

  #after(ms: number, callback: () => void): NodeJS.Timeout | undefined {
    return afterReading(ms, () => this.#isEnded || callback());
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#line.inFlight.delete(this.#msgId);
    for (const timer of this.#timers) clearTimeout(timer);
    for (const close of this.#closeAside) close();
  }

  /** Whether anything has come from the broker since the request was sent. */
  get #hasSign(): boolean {
    return this.#line.liveness.isSeenSince(this.#begunMs);
  }

  #timeoutError(): Error {
    if (this.#isConfirmed || this.unreadable !== undefined)
      return new MessagingTimeout('Timed out waiting for a reply', this.unreadable);
    if (this.#hasSign && !this.#line.publisher.isBehind(this))
      return new MessageDeliveryFailure('withheld', 'Not delivered: the broker lives, but does not confirm');
    return unconfirmed();
  }
}

function unconfirmed(): MessageDeliveryFailure {
  return new MessageDeliveryFailure('unconfirmed', 'Not delivered: the broker gives no sign of life');
}
