/**
 * Why the broker is of no use. Each class is a reason of its own: `reason` is stable, `message` a sentence
 * without its full stop, `cause` the underlying error where there is one.
 */

/** How the broker could not be reached, in the words of RFC 9209's proxy error types. */
export type Unreachability =
  | 'connection_timeout'
  | 'connection_refused'
  | 'connection_terminated'
  | 'dns_error'
  | 'tls_certificate_error'
  | 'tls_protocol_error';

/** No AMQP connection could be opened to the broker. */
export class BrokerUnreachable extends Error {
  readonly reason = 'broker_unreachable';
  readonly how: Unreachability;

  /** @param state what Amazon MQ says of the broker, such as `REBOOT_IN_PROGRESS` */
  constructor(how: Unreachability, { state, ...options }: ErrorOptions & { state?: string } = {}) {
    const said = state === undefined ? '' : `, Amazon MQ says ${state}`;
    super(`The broker cannot be reached (${how.replaceAll('_', ' ')}${said})`, options);
    this.how = how;
  }
}

/** What the broker refuses: the login, a missing vhost or a limit, or a permission. */
export type Refusal = 'login' | 'vhost' | 'permission';

const REFUSED = {
  login: 'the user name or password',
  vhost: 'the virtual host, or one connection more',
  permission: 'a permission that the ping needs',
} as const satisfies Record<Refusal, string>;

/** The broker answered, and refused. */
export class BrokerRefused extends Error {
  readonly reason = 'broker_refused';
  readonly what: Refusal;

  constructor(what: Refusal, options?: ErrorOptions) {
    super(`The broker refused ${REFUSED[what]}`, options);
    this.what = what;
  }
}

/** The broker takes no messages for now: a memory or disk alarm (`connection.blocked`). */
export class BrokerBlocked extends Error {
  readonly reason = 'broker_blocked';

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

/**
 * What an error of a dial means. Node's and AMQP's codes tell; what RabbitMQ refuses during the handshake,
 * amqplib reports in words alone.
 */
export function dialError(error: unknown): BrokerUnreachable | BrokerRefused {
  const options = { cause: error };
  const { code, message } = Object(error);
  if (typeof code === 'number') return new BrokerRefused('permission', options);
  if (/terminated by server: 403/.test(message)) return new BrokerRefused('login', options);
  if (/<ConnectionClose/.test(message)) return new BrokerRefused('vhost', options);
  return new BrokerUnreachable(unreachability(String(code)), options);
}

function unreachability(code: string): Unreachability {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns_error';
  if (code === 'ECONNREFUSED') return 'connection_refused';
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'connection_timeout';
  if (/CERT|SIGNATURE|ISSUER|CRL/.test(code)) return 'tls_certificate_error';
  if (/^ERR_SSL|EPROTO/.test(code)) return 'tls_protocol_error';
  return 'connection_terminated';
}
