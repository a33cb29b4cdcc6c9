import type { Options } from 'amqplib';
import { afterReading } from '../time/after-reading.ts';
import type { Deadline } from '../time/deadline.ts';
import { MessageDeliveryFailure, MessagingTimeout } from './errors.ts';
import type { RpcRequest } from './message.ts';
import { type Publication, type Publisher, STUCK_MS } from './publisher.ts';
import type { Pulse } from './pulse.ts';
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
}

/** What the calls of one client share. */
export interface Line {
  readonly replyQueue: string;
  readonly publisher: Publisher;
  /** Beats with whatever comes from the broker. */
  readonly pulse: Pulse;
  /** The calls in flight, by `_msg_id`. */
  readonly inFlight: TransientMap<string, Call>;
}

/** One call: its request, and the wait for the reply. It ends once: by the reply, by its clock, or by {@link reject}. */
export class Call implements Publication {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Options.Publish;
  /**
   * The reply's `result`, as JSON gave it. Rejects with MessagingTimeout, MessageUndeliverable, MessageDeliveryFailure,
   * UnreadableReply or RemoteError, or with what {@link reject} was given.
   */
  readonly result: Promise<unknown>;
  /** What was wrong with a message without `_msg_id` that arrived while this was the only call in flight. */
  unreadable?: string;
  readonly #msgId: string;
  readonly #line: Line;
  readonly #options: CallOptions;
  readonly #settle: PromiseWithResolvers<unknown>;
  /** In the milliseconds of `performance.now()`. */
  readonly #publishedMs = performance.now();
  readonly #timeoutMs: number;
  #timers: (NodeJS.Timeout | undefined)[] = [];
  #isConfirmed = false;
  #isEnded = false;
  /** How often the request was sent on a channel of its own. */
  #timesAside = 0;
  /** Each closes such a channel. */
  readonly #closeAside: (() => void)[] = [];

  /** @param msgId 32 hex digits that no other call has had */
  constructor(
    line: Line,
    msgId: string,
    { exchange, topic }: Target,
    request: RpcRequest,
    options: CallOptions,
  ) {
    const timeoutMs = options.deadline.leftMs;
    this.exchange = exchange;
    this.routingKey = topic;
    this.body = request.body({ msgId, replyQueue: line.replyQueue, uniqueId: msgId });
    this.properties = { ...PROPERTIES, expiration: String(Math.ceil(timeoutMs)) };
    this.#line = line;
    this.#msgId = msgId;
    this.#options = options;
    this.#timeoutMs = timeoutMs;
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
    this.#watchClock();
    try {
      if (!publisher.isHeldUp) return publisher.publish(this);
      this.#sendAside();
    } catch (error) {
      this.reject(error);
    }
    return true;
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
    this.#line.pulse.beat();
    this.#isConfirmed = true;
  }

  onRefused(failure: MessageDeliveryFailure): void {
    this.reject(failure);
  }

  #watchClock(): void {
    const { confirmTimeoutMs } = this.#options;
    this.#timers = [
      afterReading(this.#timeoutMs, () => this.reject(this.#timeoutError())),
      confirmTimeoutMs === undefined
        ? undefined
        : afterReading(confirmTimeoutMs, () => this.#hasSign || this.reject(unconfirmed())),
      afterReading(STUCK_MS, () => this.#onStuck()),
    ];
  }

  #onStuck(): void {
    if (this.#isConfirmed) return;
    if (this.#timesAside === 0) this.#sendAside();
    const untilLastMs = Math.max(0, this.#timeoutMs * LAST_SEND_SHARE - STUCK_MS);
    this.#timers.push(afterReading(untilLastMs, () => this.#sendAside()));
  }

  /** Sends the request once more, on a channel of its own: the queue of another request may hold up the common one. */
  async #sendAside(): Promise<void> {
    if (this.#isConfirmed) return;
    this.#timesAside++;
    try {
      const close = await this.#line.publisher.publishAside(this, this.#options.deadline);
      if (this.#isEnded) close();
      else this.#closeAside.push(close);
    } catch (error) {
      this.reject(error);
    }
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
    return this.#line.pulse.hasBeatenSince(this.#publishedMs);
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
