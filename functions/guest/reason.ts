/** What an operator, and RFC 9209, make of a reason. */
interface Meaning {
  /** The proxy error type of RFC 9209; `broker_unreachable` has several, see {@link ProxyError}. */
  readonly proxyError?: string;
  readonly means: string;
  readonly todo: string;
}

/**
 * Why a guest could not be pinged: a closed set, defined here and nowhere else. The names are the interface of
 * logs, metrics, alarms and `Proxy-Status`. `broker_*` and `exchange_missing` speak of the way to the guest, the
 * others of the guest. Their order is that of severity in a summary: the further a ping got, the later.
 */
export const REASONS = {
  broker_unreachable: {
    means: 'No AMQP connection to the broker can be made or kept.',
    todo: "Check the broker's state, its address, the network between, and its certificate.",
  },
  broker_refused: {
    proxyError: 'proxy_configuration_error',
    means:
      'The broker refused the login, the virtual host, a permission, or something more than a limit allows.',
    todo: "Read what the broker said in the function's log; compare the secret, the virtual host, and the user's permissions and limits.",
  },
  broker_blocked: {
    proxyError: 'destination_unavailable',
    means: 'The broker takes no messages: a memory or disk alarm.',
    todo: 'Find the queue that fills the broker, or give it more room.',
  },
  exchange_missing: {
    proxyError: 'proxy_configuration_error',
    means:
      'The control exchange does not exist: nothing has declared it since the broker started, or its last guest took it along.',
    todo: "Compare CONTROL_EXCHANGE with the deployment's control_exchange. If it is right, wait until the first agent is back after a restart of the broker.",
  },
  queue_down: {
    proxyError: 'destination_unavailable',
    means:
      "The broker does not take messages for the guest's queue: the broker node that holds the queue is down.",
    todo: 'Bring that broker node back. Until then the agent cannot register again either.',
  },
  queue_missing: {
    proxyError: 'destination_not_found',
    means:
      'No queue is bound for the guest: it went with its agent (auto-delete, expiry) or with the broker, or the instance is not on this broker.',
    todo: 'If the broker restarted within the last minute, ask again. Else check that the instance exists and that its agent is configured with this broker and this control_exchange.',
  },
  no_consumer: {
    proxyError: 'destination_unavailable',
    means:
      "Nobody consumes the guest's queue: its agent is down or has never come up, or the instance was deleted and its queue left.",
    todo: 'Check that the instance exists, and is not still being built. Start trove-guestagent on it, and read its log for why it ended or cannot reach the broker.',
  },
  no_reply: {
    proxyError: 'http_response_timeout',
    means:
      'The guest did not answer in time. Where its queue has a consumer, the agent hangs or is busy, or the machine lost power within the last three minutes; several consumers are several agents with one id. Where the broker did not say so, the agent may as well be down.',
    todo: "Check that the machine runs, then look at its load and its agent's log, and restart the agent.",
  },
  guest_error: {
    proxyError: 'http_response_incomplete',
    means: "The guest's agent answered with an exception.",
    todo: "Read the traceback in the function's log.",
  },
  key_mismatch: {
    proxyError: 'http_protocol_error',
    means:
      'The guest does not use the RPC key that is known for it: it has another one, or one while the function has none, or answered in the clear.',
    todo: "Compare the instance's key secret with instance_rpc_encr_key in its trove-guestagent.conf.",
  },
  bad_reply: {
    proxyError: 'http_protocol_error',
    means: 'Something answered that is no pong, or that cannot be read.',
    todo: "Check the agent's version and its kombu_compression, and what else consumes the guest's queue.",
  },
} as const satisfies Record<string, Meaning>;

export type Reason = keyof typeof REASONS;

/** A proxy error type of RFC 9209, as far as we can tell them apart. */
export type ProxyError =
  | (typeof REASONS)[Exclude<Reason, 'broker_unreachable'>]['proxyError']
  | 'connection_timeout'
  | 'connection_refused'
  | 'connection_terminated'
  | 'destination_ip_unroutable'
  | 'dns_error'
  | 'tls_certificate_error'
  | 'tls_protocol_error';
