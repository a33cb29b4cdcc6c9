import { CodedError } from '../coded-error.ts';

/**
 * Why the broker is of no use. Each class is a reason of its own: `code` is that reason and stable, `message` a
 * sentence without its full stop, `cause` the underlying error where there is one.
 */

/** How the broker could not be reached, in the words of RFC 9209's proxy error types. */
export type Unreachability =
  | 'connection_timeout'
  | 'connection_refused'
  | 'connection_terminated'
  | 'dns_error'
  | 'tls_certificate_error'
  | 'tls_protocol_error';

/** No AMQP connection to the broker could be made, or the one there was is lost. */
export class BrokerUnreachable extends CodedError {
  override readonly name = 'BrokerUnreachable';
  readonly code = 'broker_unreachable';
  readonly how: Unreachability;

  /** @param state Amazon MQ's state of the broker, such as `REBOOT_IN_PROGRESS` */
  constructor(how: Unreachability, { state, ...options }: ErrorOptions & { state?: string } = {}) {
    const said = state === undefined ? '' : `, Amazon MQ says ${state}`;
    super(`The broker cannot be reached (${how.replaceAll('_', ' ')}${said})`, options);
    this.how = how;
  }
}

/** What the broker refuses: the login, a missing vhost or a limit, a permission, or another request of ours. */
export type Refusal = 'login' | 'vhost' | 'permission' | 'request';

const REFUSED = {
  login: 'the user name or password',
  vhost: 'the virtual host, or one connection more',
  permission: 'a permission that the ping needs',
  request: 'a request of ours, its log says why',
} as const satisfies Record<Refusal, string>;

/** The broker answered, and refused. */
export class BrokerRefused extends CodedError {
  override readonly name = 'BrokerRefused';
  readonly code = 'broker_refused';
  readonly what: Refusal;

  constructor(what: Refusal, options?: ErrorOptions) {
    super(`The broker refused ${REFUSED[what]}`, options);
    this.what = what;
  }
}

/** The broker takes no messages for now: a memory or disk alarm (`connection.blocked`). */
export class BrokerBlocked extends CodedError {
  override readonly name = 'BrokerBlocked';
  readonly code = 'broker_blocked';

  constructor(options?: ErrorOptions) {
    super('The broker has blocked publishing (a memory or disk alarm)', options);
  }
}

export type BrokerError = BrokerUnreachable | BrokerRefused | BrokerBlocked;

export function isBrokerError(error: unknown): error is BrokerError {
  return (
    error instanceof BrokerUnreachable || error instanceof BrokerRefused || error instanceof BrokerBlocked
  );
}

/** The secret of the broker's login is there, but it does not hold `{"username": "…", "password": "…"}`. */
export class MalformedCredentials extends CodedError {
  override readonly name = 'MalformedCredentials';
  readonly code = 'malformed_credentials';
  override readonly isForDeployer = true;
}

/** Amazon MQ could not be asked about the broker, or does not know an endpoint of it. */
export class BrokerUnknown extends CodedError {
  override readonly name = 'BrokerUnknown';
  readonly code = 'broker_unknown';
  override readonly isForDeployer = true;

  /** @param why the name of Amazon MQ's exception, or what is missing */
  constructor(brokerId: string, why: string, options?: ErrorOptions) {
    super(`Amazon MQ does not describe the broker ${brokerId}: ${why}`, options);
  }
}

/** RabbitMQ's management API gave no list of queues. The message says why, and holds no secret. */
export class ManagementUnavailable extends CodedError {
  override readonly name = 'ManagementUnavailable';
  readonly code = 'management_unavailable';
  /** The HTTP status of the answer, where there was one: 401 is a refused login, or a missing tag `management`. */
  readonly status: number | undefined;

  constructor(why: string, { status, ...options }: ErrorOptions & { status?: number } = {}) {
    super(`RabbitMQ's management API ${why}`, options);
    this.status = status;
  }
}

/** AMQP 0-9-1 reply codes. */
const ACCESS_REFUSED = 403;
const CONNECTION_FORCED = 320;
const INTERNAL_ERROR = 541;

/**
 * What an error of a dial means, by Node's and AMQP's codes. amqplib reports a refusal during the handshake as text
 * alone, so that the text is matched.
 */
export function dialError(error: unknown): BrokerUnreachable | BrokerRefused {
  const options = { cause: error };
  const { code, message } = Object(error);
  if (code === ACCESS_REFUSED) return new BrokerRefused('permission', options);
  const isClosing = [CONNECTION_FORCED, INTERNAL_ERROR].some(
    (reply) => code === reply || message?.includes(` ${reply} (`),
  );
  if (isClosing) return new BrokerUnreachable('connection_terminated', options);
  if (typeof code === 'number') return new BrokerRefused('request', options);
  if (/terminated by server: 403/.test(message)) return new BrokerRefused('login', options);
  if (/<ConnectionClose/.test(message)) return new BrokerRefused('vhost', options);
  return new BrokerUnreachable(unreachability(String(code)), options);
}

function unreachability(code: string): Unreachability {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns_error';
  if (code === 'ECONNREFUSED') return 'connection_refused';
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'connection_timeout';
  if (/CERT|SIGNATURE|ISSUER|CRL|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH/.test(code))
    return 'tls_certificate_error';
  if (/^ERR_SSL|EPROTO/.test(code)) return 'tls_protocol_error';
  return 'connection_terminated';
}
