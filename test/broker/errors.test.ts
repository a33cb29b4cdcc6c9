import { expect, test } from '@jest/globals';
import { connectionFailure } from '../../functions/broker/errors.ts';

/** The error of amqplib at a close, and with which code, if it has one. */
function closed(code: number, text: string): Error {
  return Object.assign(new Error(`Connection closed: ${code} (NAME) with message "${text}"`), { code });
}

/** At `connection.open`, as the bundle has amqplib report it. */
function atOpen(replyCode: number, replyText: string): Error {
  return Object.assign(new Error('Expected ConnectionOpenOk; got <ConnectionClose channel:0>'), {
    replyCode,
    replyText,
  });
}

const GETADDRINFO = { syscall: 'getaddrinfo' };

const LOGIN = new Error(
  'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN."',
);

test.each<[string, Error]>([
  ['login', LOGIN],
  ['mechanism', new Error('SASL mechanism PLAIN is not provided by the server')],
  ['vhost_missing', atOpen(530, 'NOT_ALLOWED - vhost x not found')],
  ['vhost_access', atOpen(530, "NOT_ALLOWED - access to vhost 'x' refused for user 'u'")],
  ['permission', closed(403, "ACCESS_REFUSED - access to queue 'reply_1' in vhost 'x' refused for user 'u'")],
  [
    'connection_limit',
    atOpen(530, "NOT_ALLOWED - access to vhost 'x' refused for user 'u': connection limit (1) is reached"),
  ],
  [
    'connection_limit',
    atOpen(530, "NOT_ALLOWED - connection refused for user 'u': user connection limit (1) is reached"),
  ],
  ['connection_limit', atOpen(530, 'NOT_ALLOWED - connection refused: node connection limit (1) is reached')],
  [
    'channel_limit',
    closed(
      530,
      "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed user limit of (3)",
    ),
  ],
  [
    'channel_limit',
    closed(
      530,
      "NOT_ALLOWED - number of channels opened on node 'n' has reached the maximum allowed limit of (3)",
    ),
  ],
  [
    'channel_limit',
    closed(530, 'NOT_ALLOWED - number of channels opened (1) has reached the negotiated channel_max (1)'),
  ],
  [
    'queue_limit',
    closed(406, "PRECONDITION_FAILED - cannot declare queue 'q': queue limit in vhost 'x' (0) is reached"),
  ],
  [
    'queue_limit',
    closed(406, "PRECONDITION_FAILED - cannot declare queue 'q': queue limit in cluster (0) is reached"),
  ],
  ['request', closed(540, 'NOT_IMPLEMENTED')],
])('%s is refused', (what, error) => {
  const failure = connectionFailure(error);
  expect(failure).toMatchObject({ code: 'broker_refused', what, todo: expect.any(String), cause: error });
  expect(failure.message).toMatch(/^The broker refused /);
});

test('each kind of limit says whose it is', () => {
  const texts = [
    'connection limit (1) is reached',
    'user connection limit (1) is reached',
    'node connection limit (1) is reached',
    'queue limit in cluster (1) is reached',
  ];
  expect(new Set(texts.map((text) => connectionFailure(atOpen(530, text)).message)).size).toBe(4);
});

test.each<[string, Error, string]>([
  [
    'connection_terminated',
    atOpen(541, "INTERNAL_ERROR - access to vhost 'x' refused for user 'u': vhost 'x' is down"),
    'virtual host is down',
  ],
  ['connection_terminated', closed(541, 'INTERNAL_ERROR'), 'connection terminated'],
  [
    'connection_terminated',
    closed(320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"),
    'shutdown',
  ],
  ['connection_terminated', new Error('Socket closed abruptly during opening handshake'), 'terminated'],
  ['connection_refused', failed('ECONNREFUSED'), 'refused'],
  ['connection_timeout', failed('ETIMEDOUT'), 'timeout'],
  ['destination_ip_unroutable', failed('EHOSTUNREACH'), 'unroutable'],
  ['destination_ip_unroutable', failed('ENETUNREACH'), 'unroutable'],
  [
    'connection_refused',
    failed('ENETUNREACH', { errors: [failed('ENETUNREACH'), failed('ECONNREFUSED')] }),
    'refused',
  ],
  ['dns_error', failed('ENOTFOUND', GETADDRINFO), 'dns'],
  ['dns_error', failed('EAI_FAIL', GETADDRINFO), 'dns'],
  [
    'tls_certificate_error',
    failed('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
    'asks for a client certificate',
  ],
  ['connection_terminated', failed('ERR_NOT_AMQP'), 'does not speak AMQP'],
  ['connection_terminated', failed('ERR_LOGIN_UNANSWERED'), 'without an answer to the login'],
  ['tls_certificate_error', failed('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls'],
  ['tls_certificate_error', failed('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls'],
  ['tls_certificate_error', failed('UNSPECIFIED'), 'tls'],
  ['tls_protocol_error', failed('ERR_SSL_WRONG_VERSION_NUMBER'), 'tls'],
  ['tls_protocol_error', failed('EPROTO'), 'tls'],
])('%s is told of %s', (how, error, words) => {
  expect(connectionFailure(error)).toMatchObject({
    code: 'broker_unreachable',
    how,
    message: expect.stringContaining(words),
    cause: error,
  });
});

test("RabbitMQ's words are kept on one line of bounded length", () => {
  expect(connectionFailure(LOGIN).brokerSaid).toMatch(/^403 ACCESS_REFUSED - Login was refused/);
  expect(connectionFailure(atOpen(530, `a\nb${'x'.repeat(9000)}`)).brokerSaid).toMatch(/^530 a bx{297}$/);
  expect(connectionFailure(failed('ECONNREFUSED')).brokerSaid).toBeUndefined();
});

test('what TLS complains of is in what to do', () => {
  expect(connectionFailure(failed('CERT_HAS_EXPIRED', { message: 'certificate has expired' })).todo).toMatch(
    /certificate has expired\.$/,
  );
  expect(connectionFailure(failed('ERR_SSL_X', { reason: 'no shared cipher' })).todo).toMatch(
    /no shared cipher\.$/,
  );
});

function failed(code: string, more: object = {}): Error {
  return Object.assign(new Error('connect'), { code, ...more });
}
