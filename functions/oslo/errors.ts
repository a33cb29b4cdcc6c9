import { CodedError } from '../coded-error.ts';

/**
 * What a call can end in other than a result. The names are those of oslo.messaging's exceptions; `code` is
 * stable and safe to switch on, `message` is for people.
 */

/** No reply came before the deadline. */
export class MessagingTimeout extends CodedError {
  readonly code = 'messaging_timeout';
}

/** The broker returned the mandatory request (312 NO_ROUTE): no queue is bound for the topic. */
export class MessageUndeliverable extends CodedError {
  readonly code = 'message_undeliverable';
}

/**
 * Why a request was not delivered:
 *
 * - `refused`: the broker closed the channel with a reply code, or allows no further channel (530);
 * - `nacked`: the broker answered with `basic.nack`, which speaks of the queue;
 * - `withheld`: no confirm came although the broker gave signs of life, which speaks of the queue as well;
 * - `unconfirmed`: no confirm and no sign of life came, the connection is dead;
 * - `closed`: the channel ended before the broker had answered.
 */
export type Undelivered = 'refused' | 'nacked' | 'withheld' | 'unconfirmed' | 'closed';

/** The broker did not take the request, or can no longer bring its reply. */
export class MessageDeliveryFailure extends CodedError {
  readonly code = 'message_delivery_failure';
  readonly how: Undelivered;
  /** The AMQP reply code of the `channel.close` that ended the channel (404: no such exchange), if there was one. */
  readonly replyCode: number | undefined;

  constructor(
    how: Undelivered,
    message: string,
    options: { replyCode?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.how = how;
    this.replyCode = options.replyCode;
  }

  /** Whether the refusal holds for all messages to the exchange: it is missing, or the user may not write to it. */
  get isOfExchange(): boolean {
    return this.replyCode === NOT_FOUND || (this.replyCode === ACCESS_REFUSED && !this.isOfTopic());
  }

  /** Whether the login of the connection, a token of OAuth 2.0, has expired: only another login mends that. */
  get isOfLogin(): boolean {
    return this.replyCode === ACCESS_REFUSED && this.message.includes('token has expired');
  }

  /** Whether the user has no permission for a topic of the exchange, or for this topic. */
  isOfTopic(topic = ''): boolean {
    return this.message.includes(`access to topic '${topic}`);
  }
}

const NOT_FOUND = 404;
const ACCESS_REFUSED = 403;

/** The failure of what was published on a channel that has ended with this error; its message has the broker's words. */
export function refusal(error: unknown): MessageDeliveryFailure {
  const { code, message } = Object(error);
  const replyCode = typeof code === 'number' ? code : undefined;
  const how = replyCode === undefined ? 'closed' : 'refused';
  return new MessageDeliveryFailure(how, `Not delivered: ${message}`, { replyCode, cause: error });
}

/** The server replied to this call, but not with an oslo.messaging reply of format 2.0. */
export class UnreadableReply extends CodedError {
  readonly code = 'unreadable_reply';
}

/** An exception as an oslo.messaging server serializes it (`serialize_remote_exception`). */
export interface RemoteFailure {
  readonly class: string;
  readonly module: string;
  readonly message: string;
  /** The server's traceback: for the log alone, never for a caller. */
  readonly traceback: string;
}

/** The server ran the method, or tried to, and replied with an exception. */
export class RemoteError extends CodedError {
  readonly code = 'remote_error';
  readonly failure: RemoteFailure;

  constructor(failure: RemoteFailure) {
    super(failure.message);
    this.failure = failure;
  }
}
