import { type AmqpReply, amqpReply, brokerSaid } from '../amqp-reply.ts';
import { CodedError } from '../coded-error.ts';

/**
 * Why the broker cannot be used. Each class is a reason of its own: `code` is that reason and stable, `message` a
 * sentence without its full stop, `cause` the underlying error where there is one.
 */

/** How the broker could not be reached, in the words of RFC 9209's proxy error types. */
export type Unreachability =
  | 'connection_timeout'
  | 'connection_refused'
  | 'connection_terminated'
  | 'destination_ip_unroutable'
  | 'dns_error'
  | 'tls_certificate_error'
  | 'tls_protocol_error';

/** Why the broker cannot be used, where more is known than that it could not be reached. */
interface Trouble {
  readonly what: string;
  readonly todo: string;
}

export const TROUBLES = {
  vhost_down: {
    what: 'its virtual host is down on this node',
    todo: 'Run `rabbitmqctl restart_vhost`, and look for the reason in the log of the broker.',
  },
  closed: {
    what: 'an operator or a shutdown closes its connections',
    todo: 'Wait for the end of the maintenance, or look for who closed the connection.',
  },
  not_amqp: {
    what: 'what answers there does not speak AMQP 0-9-1',
    todo: 'Compare port and scheme with a listener of the broker: amqps:// is mostly 5671, amqp:// 5672, and the management API neither.',
  },
  login_unanswered: {
    what: 'it ends the connection without an answer to the login',
    todo: 'Use a shorter password or token: this is how RabbitMQ refuses a login beyond 4 kB (8 kB since 4.1, `initial_frame_max`). If the login is short, read the log of the broker.',
  },
  client_certificate: {
    what: 'it asks for a client certificate, and the functions have none',
    todo: 'Give the functions a listener without `ssl_options.fail_if_no_peer_cert`.',
  },
  no_majority: {
    what: 'it takes connections, but does not answer the declaration of a queue: a cluster without a majority',
    todo: 'Bring the other nodes of the cluster back: `rabbitmqctl cluster_status` names them.',
  },
} as const satisfies Record<string, Trouble>;

/** The broker cannot be used. */
export abstract class BrokerFailure extends CodedError {
  /** What to do about this very failure; undefined: what the reason says. */
  abstract readonly todo: string | undefined;
  /** RabbitMQ's own code and words, for the log. */
  get brokerSaid(): string | undefined {
    return brokerSaid(this.cause);
  }
}

/** No AMQP connection to the broker could be made, or the one there was is lost. */
export class BrokerUnreachable extends BrokerFailure {
  readonly code = 'broker_unreachable';
  readonly how: Unreachability;
  readonly trouble: Trouble | undefined;

  /** @param state Amazon MQ's state of the broker, such as `REBOOT_IN_PROGRESS` */
  constructor(
    how: Unreachability,
    { state, trouble, ...options }: ErrorOptions & { state?: string; trouble?: Trouble | undefined } = {},
  ) {
    const said = state === undefined ? '' : `, Amazon MQ says ${state}`;
    super(`The broker cannot be reached (${trouble?.what ?? how.replaceAll('_', ' ')}${said})`, options);
    this.how = how;
    this.trouble = trouble;
  }

  get todo(): string | undefined {
    if (this.trouble !== undefined || !this.how.startsWith('tls')) return this.trouble?.todo;
    const { reason, message } = Object(this.cause);
    return `Check the broker's certificate, the CA that the functions trust, and its TLS versions and ciphers: ${reason ?? message}.`;
  }
}

const REFUSED = {
  login: {
    what: 'the user name or password',
    todo: "Compare the secret with the broker's user: `rabbitmqctl authenticate_user`.",
  },
  mechanism: {
    what: 'the login: it does not offer the mechanism PLAIN',
    todo: "Add PLAIN to the broker's auth_mechanisms.",
  },
  vhost_missing: {
    what: 'the virtual host, which does not exist',
    todo: 'Compare BROKER_VHOST with `rabbitmqctl list_vhosts`.',
  },
  vhost_access: {
    what: 'the virtual host, on which the user has no permissions',
    todo: 'Give the user its permissions on the virtual host: `rabbitmqctl list_user_permissions`.',
  },
  permission: {
    what: 'a permission that the ping needs',
    todo: "Compare the user's permissions with those that the manual grants: `rabbitmqctl list_user_permissions`.",
  },
  connection_limit: {
    what: 'one more connection',
    todo: 'Raise the limit of connections, or close those that nobody uses: `rabbitmqctl list_connections`.',
  },
  channel_limit: {
    what: 'one more channel',
    todo: 'Raise the limit of channels; the manual states how many the functions need.',
  },
  queue_limit: {
    what: 'one more queue',
    todo: 'Raise the limit of queues, or delete those that nobody uses: `rabbitmqctl list_queues`.',
  },
  request: { what: 'a request', todo: "Read `broker_said`, and the broker's log." },
} as const satisfies Record<string, Trouble>;

export type Refusal = keyof typeof REFUSED;

/** The broker answered, and refused. */
export class BrokerRefused extends BrokerFailure {
  readonly code = 'broker_refused';
  readonly what: Refusal;

  /** @param limitOf whose limit is reached, such as `the user` */
  constructor(what: Refusal, { limitOf, ...options }: ErrorOptions & { limitOf?: string | undefined } = {}) {
    const limit = limitOf === undefined ? '' : `: a limit of ${limitOf} is reached`;
    super(`The broker refused ${REFUSED[what].what}${limit}`, options);
    this.what = what;
  }

  get todo(): string {
    return REFUSED[this.what].todo;
  }
}

/** The broker takes no messages for now: a memory or disk alarm (`connection.blocked`). */
export class BrokerBlocked extends BrokerFailure {
  readonly code = 'broker_blocked';
  readonly todo = undefined;

  constructor(options?: ErrorOptions) {
    super('The broker has blocked publishing (a memory or disk alarm)', options);
  }
}

/** The secret of the broker's login is there, but it does not hold `{"username": "…", "password": "…"}`. */
export class MalformedCredentials extends CodedError {
  readonly code = 'malformed_credentials';
  override readonly isForDeployer = true;
}

/** Amazon MQ could not be asked about the broker, or does not know an endpoint of it. */
export class BrokerUnknown extends CodedError {
  readonly code = 'broker_unknown';
  override readonly isForDeployer = true;

  /** @param why the name of Amazon MQ's exception, or what is missing */
  constructor(brokerId: string, why: string, options?: ErrorOptions) {
    super(`Amazon MQ does not describe the broker ${brokerId}: ${why}`, options);
  }
}

/** RabbitMQ's management API gave no list of queues. The message says why, and holds no secret. */
export class ManagementUnavailable extends CodedError {
  readonly code = 'management_unavailable';
  /** The HTTP status of the answer, where there was one: 401 is a refused login, or a missing tag `management`. */
  readonly status: number | undefined;

  constructor(why: string, { status, ...options }: ErrorOptions & { status?: number } = {}) {
    super(`RabbitMQ's management API ${why}`, options);
    this.status = status;
  }
}

const TOLD_BY_CODE = [
  [/^ERR_NOT_AMQP$/, TROUBLES.not_amqp],
  [/^ERR_LOGIN_UNANSWERED$/, TROUBLES.login_unanswered],
  [/ALERT_CERTIFICATE_REQUIRED$/, TROUBLES.client_certificate],
] as const;

/** What ended a dial or a connection, by Node's codes, by RabbitMQ's, or where there is none, by its words. */
export function connectionFailure(error: unknown): BrokerUnreachable | BrokerRefused {
  const reply = amqpReply(error);
  if (reply !== undefined) return failureOf(reply, error);
  const { code, message, syscall, errors = [] } = Object(error);
  if (/^SASL mechanism/.test(message)) return new BrokerRefused('mechanism', { cause: error });
  if (syscall === 'getaddrinfo') return new BrokerUnreachable('dns_error', { cause: error });
  // Of several addresses, one may be of a family that this machine has no route for.
  const isRefused = errors.some((each: unknown) => Object(each).code === 'ECONNREFUSED');
  const how = unreachability(isRefused ? 'ECONNREFUSED' : String(code));
  const [, trouble] = TOLD_BY_CODE.find(([pattern]) => pattern.test(code)) ?? [];
  return new BrokerUnreachable(how, { trouble, cause: error });
}

/** AMQP 0-9-1 reply codes. */
const CONNECTION_FORCED = 320;
const ACCESS_REFUSED = 403;
const NOT_ALLOWED = 530;
const INTERNAL_ERROR = 541;

function failureOf({ code, text }: AmqpReply, cause: unknown): BrokerUnreachable | BrokerRefused {
  const { message } = Object(cause);
  if (code === CONNECTION_FORCED || code === INTERNAL_ERROR) {
    const isDown = /^INTERNAL_ERROR - .*vhost .* is down/.test(text);
    const trouble = isDown ? TROUBLES.vhost_down : code === CONNECTION_FORCED ? TROUBLES.closed : undefined;
    return new BrokerUnreachable('connection_terminated', { trouble, cause });
  }
  const isLogin = code === ACCESS_REFUSED && /^Handshake terminated/.test(message);
  if (isLogin) return new BrokerRefused('login', { cause });
  if (code === ACCESS_REFUSED) return new BrokerRefused('permission', { cause });
  const [, what, limitOf] = LIMITS.find(([words]) => words.test(text)) ?? [];
  if (what !== undefined) return new BrokerRefused(what, { limitOf, cause });
  if (code === NOT_ALLOWED && /vhost .* not found/.test(text))
    return new BrokerRefused('vhost_missing', { cause });
  if (code === NOT_ALLOWED && /access to vhost/.test(text))
    return new BrokerRefused('vhost_access', { cause });
  return new BrokerRefused('request', { cause });
}

/** Which limit is reached, and whose, by the words of RabbitMQ. */
const LIMITS: readonly (readonly [words: RegExp, what: Refusal, limitOf: string])[] = [
  [/number of channels .*channel_max/, 'channel_limit', 'the connection (channel_max)'],
  [/number of channels opened on node .*limit/, 'channel_limit', 'the broker node'],
  [/number of channels .*limit/, 'channel_limit', 'the user'],
  [/queue limit in cluster/, 'queue_limit', 'the cluster'],
  [/queue limit/, 'queue_limit', 'the virtual host'],
  [/user connection limit/, 'connection_limit', 'the user'],
  [/node connection limit/, 'connection_limit', 'the broker node'],
  [/connection limit/, 'connection_limit', 'the virtual host'],
];

function unreachability(code: string): Unreachability {
  if (code === 'ECONNREFUSED') return 'connection_refused';
  if (code === 'ETIMEDOUT') return 'connection_timeout';
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL')
    return 'destination_ip_unroutable';
  // Node has no name for some of OpenSSL's, such as the key that is too short.
  if (
    code === 'UNSPECIFIED' ||
    /CERT|SIGNATURE|ISSUER|CRL|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH/.test(code)
  )
    return 'tls_certificate_error';
  if (/^ERR_SSL|EPROTO/.test(code)) return 'tls_protocol_error';
  return 'connection_terminated';
}
