import { afterReading, type Deadline, type ReadingTimer } from '../time/deadline.ts';
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

const NEVER = Number.POSITIVE_INFINITY;

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
   * The server counts as silent. A server that answers before costs no publisher confirm: the first request has none. For
   * few calls at a time, since only requests with a confirm notice that a channel is held up. At 0 the first one has it.
   */
  readonly silentAfterMs: number;
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
  /** Told of whatever comes from the broker. */
  readonly liveness: Liveness;
  /** The calls in flight, by the `_msg_id` of each of their requests. */
  readonly inFlight: TransientMap<string, Call>;
}

/** One call: its requests, and the wait for a reply. It ends once: by a reply, by its clock, or by {@link reject}. */
export class Call implements Sender {
  /**
   * The reply's `result`, as JSON gave it. Rejects with MessagingTimeout, MessageUndeliverable, MessageDeliveryFailure,
   * UnreadableReply or RemoteError, or with what {@link reject} was given.
   */
  readonly result: Promise<unknown>;
  readonly #target: Target;
  readonly #request: RpcRequest;
  readonly #client: ClientState;
  readonly #timing: CallTiming;
  readonly #onSilence: ((call: Call) => void) | undefined;
  readonly #settle: PromiseWithResolvers<unknown>;
  /** In the milliseconds of `performance.now()`. */
  readonly #sentMs = performance.now();
  readonly #timeoutMs: number;
  /** Of each request that was sent. */
  readonly #msgIds: string[] = [];
  /**
   * When what happens, in milliseconds since the call was sent, with one timer for all: nearly every call ends before the
   * first of them.
   */
  readonly #due = { silent: NEVER, end: NEVER, sign: NEVER, stuck: NEVER, lastSend: NEVER };
  #timer: ReadingTimer | undefined;
  /** Whether the last request on a common channel has a confirm, or is to have one. */
  #isToConfirm = false;
  #isConfirmed = false;
  /** When the last request on a common channel was sent that has a confirm. */
  #toConfirmMs = 0;
  #confirmMs: number | undefined;
  #isEnded = false;
  #isAnsweredLate = false;
  /** On how many channels of its own the request was sent. */
  #ownChannels = 0;
  /** Each ends something that the call has opened for itself. */
  readonly #closers: (() => void)[] = [];

  constructor(
    client: ClientState,
    target: Target,
    request: RpcRequest,
    timing: CallTiming,
    onSilence?: (call: Call) => void,
  ) {
    this.#client = client;
    this.#target = target;
    this.#request = request;
    this.#timing = timing;
    this.#onSilence = onSilence;
    this.#timeoutMs = timing.deadline.leftMs;
    this.#settle = Promise.withResolvers();
    this.result = this.#settle.promise;
  }

  get deadline(): Deadline {
    return this.#timing.deadline;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether the broker has not taken a request that it is to confirm. */
  get isUnconfirmed(): boolean {
    return this.#isToConfirm && !this.#isConfirmed;
  }

  /** How long the broker took to confirm the request; undefined where it has not. */
  get confirmMs(): number | undefined {
    return this.#confirmMs;
  }

  /** Whether a later request was answered, and the first one was not before. */
  get isAnsweredLate(): boolean {
    return this.#isAnsweredLate;
  }

  /** Whether the request was sent without a confirm alone. */
  get isPlain(): boolean {
    return !this.#isToConfirm;
  }

  /** Sends the request. @returns whether the socket takes more */
  send(): boolean {
    if (this.#timeoutMs === 0) {
      this.reject(new MessagingTimeout('The deadline had passed before the request was sent'));
      return true;
    }
    const { publisher } = this.#client;
    const { silentAfterMs } = this.#timing;
    try {
      if (silentAfterMs === 0 || !publisher.isPlainUsable) {
        this.#watchClock();
        const isWritable = this.#sendToConfirm();
        this.#onSilence?.(this);
        return isWritable;
      }
      this.#due.silent = silentAfterMs;
      this.#setTimer();
      return publisher.publish(this.#publication());
    } catch (error) {
      this.reject(error);
      return true;
    }
  }

  /** Sends the request a second time, with a confirm; does nothing when that was done before. */
  sendAgain(): void {
    if (this.#isEnded || this.#msgIds.length > 1) return;
    try {
      this.#sendToConfirm();
    } catch (error) {
      this.reject(error);
    }
  }

  /** Sends the request with a reply queue of its own: whatever comes to that queue is of this call's server. */
  sendWithReplyQueue(replyQueue: string, onEnd: () => void): void {
    this.#closers.push(onEnd);
    if (this.#isEnded) {
      onEnd();
      return;
    }
    try {
      this.#client.publisher.publishConfirmed(this.#publication(replyQueue), this);
    } catch (error) {
      this.reject(error);
    }
  }

  /** @param msgId of the reply */
  resolve(result: unknown, msgId: string): void {
    this.#isAnsweredLate = msgId !== this.#msgIds[0];
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
    this.#confirmMs ??= performance.now() - this.#toConfirmMs;
  }

  onRefused(failure: MessageDeliveryFailure): void {
    this.reject(failure);
  }

  /** What is refused because of this request is refused on a channel of its own, too; what is not, is taken there. */
  onChannelRefused(failure: MessageDeliveryFailure): void {
    if (this.#isEnded || this.#isConfirmed) return;
    const isOfThis =
      failure.how === 'closed' || failure.isOfExchange || failure.isOfTopic(`${this.#target.topic}'`);
    if (isOfThis) {
      this.reject(failure);
      return;
    }
    if (this.isPlain) this.#watchClock();
    this.#isToConfirm = true;
    this.#toConfirmMs ||= performance.now();
    this.#setTimer();
    this.#sendOnOwnChannel();
  }

  #onSilent(): void {
    this.#watchClock();
    if (this.#onSilence) this.#onSilence(this);
    else this.sendAgain();
  }

  #watchClock(): void {
    this.#due.end = this.#timeoutMs;
    this.#due.sign = this.#timing.signOfLifeMs;
  }

  /** Sends the request with a confirm. @returns whether the socket takes more */
  #sendToConfirm(): boolean {
    this.#isToConfirm = true;
    this.#toConfirmMs = performance.now();
    this.#due.stuck = this.#toConfirmMs - this.#sentMs + this.#timing.ownChannelAfterMs;
    this.#setTimer();
    const { publisher } = this.#client;
    if (!publisher.isHeldUp) return publisher.publishConfirmed(this.#publication(), this);
    this.#sendOnOwnChannel();
    return true;
  }

  #onStuck(): void {
    if (this.#isConfirmed) return;
    if (this.#ownChannels === 0) this.#sendOnOwnChannel();
    this.#due.lastSend = this.#timing.lastSendMs;
  }

  /** Sends the request on a channel of its own: another request may hold up the common one, or be refused there. */
  async #sendOnOwnChannel(): Promise<void> {
    if (this.#isConfirmed) return;
    this.#ownChannels++;
    const { deadline } = this.#timing;
    try {
      const close = await this.#client.publisher.publishOnOwnChannel(this.#publication(), this, deadline);
      if (this.#isEnded) close();
      else this.#closers.push(close);
    } catch (error) {
      this.reject(error);
    }
  }

  /** A new message for each time that the request is sent: a server drops what repeats a unique id. */
  #publication(replyQueue = this.#client.replyQueue): Publication {
    const msgId = randomId();
    this.#msgIds.push(msgId);
    this.#client.inFlight.set(msgId, this);
    return {
      exchange: this.#target.exchange,
      routingKey: this.#target.topic,
      body: this.#request.body({ msgId, replyQueue, uniqueId: randomId() }),
      properties: { ...PROPERTIES, expiration: String(Math.ceil(this.#timing.deadline.leftMs)) },
    };
  }

  /** For what is due next. */
  #setTimer(): void {
    this.#timer?.clear();
    const { silent, end, sign, stuck, lastSend } = this.#due;
    const dueMs = Math.min(silent, end, sign, stuck, lastSend);
    const leftMs = Math.max(0, this.#sentMs + dueMs - performance.now());
    this.#timer = afterReading(leftMs, () => this.#onDue(dueMs));
  }

  #onDue(nowMs: number): void {
    if (this.#isEnded) return;
    if (this.#due.end <= nowMs) this.reject(this.#timeoutError());
    else if (this.#isDue('sign', nowMs) && !this.#hasSign) this.reject(unconfirmed());
    else {
      if (this.#isDue('silent', nowMs)) this.#onSilent();
      if (this.#isDue('stuck', nowMs)) this.#onStuck();
      if (this.#isDue('lastSend', nowMs)) this.#sendOnOwnChannel();
      if (!this.#isEnded) this.#setTimer();
    }
  }

  /** Whether it is time for this, which is then done. */
  #isDue(what: 'silent' | 'sign' | 'stuck' | 'lastSend', nowMs: number): boolean {
    const isDue = this.#due[what] <= nowMs;
    if (isDue) this.#due[what] = NEVER;
    return isDue;
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const msgId of this.#msgIds) this.#client.inFlight.delete(msgId);
    this.#timer?.clear();
    for (const close of this.#closers) close();
  }

  /** Whether anything has come from the broker since the request was sent. */
  get #hasSign(): boolean {
    return this.#client.liveness.isSeenSince(this.#sentMs);
  }

  #timeoutError(): Error {
    if (!this.isUnconfirmed) return new MessagingTimeout('Timed out waiting for a reply');
    if (this.#hasSign && !this.#client.publisher.isBehind(this))
      return new MessageDeliveryFailure('withheld', 'Not delivered: the broker lives, but does not confirm');
    return unconfirmed();
  }
}

function unconfirmed(): MessageDeliveryFailure {
  return new MessageDeliveryFailure('unconfirmed', 'Not delivered: the broker gives no sign of life');
}
