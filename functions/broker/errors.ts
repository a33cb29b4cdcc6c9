/** Both are reasons of their own: `reason` is stable, `cause` the underlying error where there is one. */

/** How the broker could not be reached, in the words of RFC 9209's proxy error types. */
export type Unreachability =
  | 'connection_timeout'
  | 'connection_refused'
  | 'connection_terminated'
  | 'dns_error'
  | 'tls_certificate_error';

/** No AMQP connection could be opened to the broker. */
export class BrokerUnreachable extends Error {
  readonly reason = 'broker_unreachable';
  readonly how: Unreachability;

  constructor(how: Unreachability, options?: ErrorOptions) {
    super(`The broker cannot be reached (${how.replaceAll('_', ' ')})`, options);
    this.how = how;
  }
}

/** The broker answered and refused: wrong credentials, a missing vhost, no permission, a limit reached. */
export class BrokerRefused extends Error {
  readonly reason = 'broker_refused';

  constructor(options?: ErrorOptions) {
    super('The broker refused the connection', options);
  }
}
