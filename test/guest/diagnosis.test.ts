import { describe, expect, test } from '@jest/globals';
import { readPong, reasonFor } from '../../functions/guest/diagnosis.ts';
import type { Unreachable } from '../../functions/guest/ping-result.ts';
import { SecureSerializer } from '../../functions/guest/secure-serializer.ts';
import { NoConsumer } from '../../functions/guest/silence.ts';
import {
  MessageDeliveryFailure,
  MessageUndeliverable,
  MessagingTimeout,
  RemoteError,
  type Undelivered,
  UnreadableReply,
} from '../../functions/oslo/errors.ts';
import type { QueueCounts } from '../../functions/oslo/inspector.ts';

const TARGET = { exchange: 'trove', topic: 'guestagent.x' };
const CALL = 'topic: "guestagent.x", RPC method: "rpc_ping"';
const TIMEOUT = `Timeout while waiting on RPC response - ${CALL} info: "<unknown>"`;
const EMPTY: QueueCounts = { consumers: 1, messages: 0 };
const WITHOUT_CONSUMER: QueueCounts = { consumers: 0, messages: 2 };

function raised(className: string, message: string): RemoteError {
  return new RemoteError({ class: className, module: 'm', message, traceback: 'Traceback' });
}

function undelivered(how: Undelivered, replyCode?: number): MessageDeliveryFailure {
  return new MessageDeliveryFailure(how, 'Not delivered', { replyCode });
}

/** What happened; its error; what the broker says of the queue; the reason and the sentence, and more of the result. */
type Row = [string, Error, QueueCounts | undefined, Unreachable['reason'], string, object?];

describe('the reason for an error', () => {
  const rows: Row[] = [
    [
      'a silent guest with a consumer',
      new MessagingTimeout('late'),
      EMPTY,
      'no_reply',
      TIMEOUT,
      { queue: EMPTY },
    ],
    ['a silent guest of unknown consumers', new MessagingTimeout('late'), undefined, 'no_reply', TIMEOUT],
    [
      'a silent guest without a consumer',
      new NoConsumer(),
      WITHOUT_CONSUMER,
      'no_consumer',
      TIMEOUT,
      { queue: WITHOUT_CONSUMER },
    ],
    [
      'a returned ping',
      new MessageUndeliverable('312'),
      undefined,
      'queue_missing',
      `No queue is bound for the guest: it went with its agent or with the broker, or the instance is not on this broker - ${CALL}`,
    ],
    [
      'a returned ping of a guest on another exchange',
      new MessageUndeliverable('312'),
      EMPTY,
      'queue_missing',
      `The guest's queue exists, is consumed, and is not bound to the exchange "trove": compare CONTROL_EXCHANGE with the agent's control_exchange - ${CALL}`,
      { queue: EMPTY },
    ],
    [
      'a silent guest with two agents',
      new MessagingTimeout('late'),
      { consumers: 2, messages: 0 },
      'no_reply',
      `${TIMEOUT}, 2 agents consume the queue`,
    ],
    [
      'an exception',
      raised('E', 'boom'),
      undefined,
      'guest_error',
      'boom',
      { traceback: 'Traceback', roundTripMs: 5 },
    ],
    ['a long exception', raised('E', 'x'.repeat(2001)), undefined, 'guest_error', `${'x'.repeat(2000)}…`],
    [
      'a guest that expects an encrypted context',
      raised('KeyError', "'context'"),
      undefined,
      'key_mismatch',
      'The guest answered, but it does not use the RPC key that is known for it',
      { roundTripMs: 5 },
    ],
    ['another KeyError', raised('KeyError', "'other'"), undefined, 'guest_error', "'other'"],
    [
      'an unreadable reply',
      new UnreadableReply('no JSON'),
      undefined,
      'bad_reply',
      "The guest's reply cannot be read: no JSON",
      { roundTripMs: 5 },
    ],
    [
      'a missing exchange',
      undelivered('refused', 404),
      undefined,
      'exchange_missing',
      `The control exchange does not exist: nothing has declared it since the broker started, or CONTROL_EXCHANGE is wrong - ${CALL}`,
      { isOfGuest: false },
    ],
    [
      'a permission that is missing',
      undelivered('refused', 403),
      undefined,
      'broker_refused',
      `The broker refused to take the ping (no write permission on the control exchange) - ${CALL}`,
      { isOfGuest: false },
    ],
    [
      'a permission for one topic that is missing',
      new MessageDeliveryFailure('refused', "403: access to topic 'guestagent.x' in exchange 'trove'", {
        replyCode: 403,
      }),
      undefined,
      'broker_refused',
      `The broker refused to take the ping (no topic permission for this guest's key, see list_topic_permissions) - ${CALL}`,
      { isOfGuest: true, brokerSaid: "403: access to topic 'guestagent.x' in exchange 'trove'" },
    ],
    [
      'a limit of channels',
      undelivered('refused', 530),
      undefined,
      'broker_refused',
      `The broker refused to take the ping (the limit of channels is reached, of the user, the node or the connection) - ${CALL}`,
      { isOfGuest: false },
    ],
    [
      'an internal exchange',
      new MessageDeliveryFailure('refused', "ACCESS_REFUSED - cannot publish to internal exchange 'x'", {
        replyCode: 403,
      }),
      undefined,
      'broker_refused',
      `The broker refused to take the ping (CONTROL_EXCHANGE names an internal exchange, to which no client may publish) - ${CALL}`,
      { isOfGuest: false },
    ],
    [
      'a limit of the length of messages',
      new MessageDeliveryFailure('refused', 'message size 600 is larger than configured max size 500', {
        replyCode: 406,
      }),
      undefined,
      'broker_refused',
      `The broker refused to take the ping (the ping is larger than the broker's max_message_size) - ${CALL}`,
    ],
    [
      'another refusal',
      undelivered('refused', 406),
      undefined,
      'broker_refused',
      `The broker refused to take the ping (AMQP reply code 406) - ${CALL}`,
    ],
    [
      'a full queue',
      undelivered('nacked'),
      WITHOUT_CONSUMER,
      'broker_refused',
      `The broker refused to take the ping (basic.nack: the guest's queue is full) - ${CALL}`,
    ],
    [
      'a broker so slow that the time is over before its confirm, of a guest that consumes',
      undelivered('withheld'),
      { consumers: 1, messages: 0 },
      'no_reply',
      `Timeout while waiting on RPC response - ${CALL} info: "<unknown>"`,
    ],
    [
      'the same of a guest without an agent, in whose queue messages wait',
      undelivered('withheld'),
      WITHOUT_CONSUMER,
      'no_consumer',
      `Timeout while waiting on RPC response - ${CALL} info: "<unknown>"`,
    ],
    [
      'a queue that takes nothing, though the broker answers for it',
      undelivered('nacked'),
      { consumers: 1, messages: 0 },
      'queue_down',
      `The broker does not take the ping for the guest's queue, whose broker node is down, or whose limit of length is reached - ${CALL}`,
    ],
    [
      'an exception without a message',
      raised('NotImplementedError', ''),
      undefined,
      'guest_error',
      'NotImplementedError',
    ],
    ...(['nacked', 'withheld'] as const).map(
      (how): Row => [
        `a queue whose node is down, ${how}`,
        undelivered(how),
        undefined,
        'queue_down',
        `The broker does not take the ping for the guest's queue, whose broker node is down, or whose limit of length is reached - ${CALL}`,
      ],
    ),
  ];

  test.each(rows)('%s', (_what, error, queue, reason, cause, fields = {}) => {
    const result = reasonFor(error, { target: TARGET, queue, roundTripMs: 5 });
    expect(result).toMatchObject({ reachable: false, reason, cause, ...fields });
  });

  test.each([undelivered('unconfirmed'), undelivered('closed'), new TypeError('a bug')])(
    '%s speaks of no guest, and is thrown',
    (error) => {
      const evidence = { target: TARGET, queue: undefined, roundTripMs: 5 };
      expect(() => reasonFor(error, evidence)).toThrow(error);
    },
  );
});

describe('a pong', () => {
  const serializer = new SecureSerializer('key');

  test.each([
    ['true in the clear', true, {}, { reachable: true, roundTripMs: 5 }],
    [
      'true in the clear from a guest with a key',
      true,
      { serializer },
      { reachable: true, encrypted: false },
    ],
    [
      'true in the clear from a guest with a key, which is required',
      true,
      { serializer, requireEncryption: true },
      { reachable: false, reason: 'key_mismatch', roundTripMs: 5 },
    ],
    [
      'true in the clear from a guest without a key, where one is required',
      true,
      { requireEncryption: true },
      { reachable: true },
    ],
    ['another value', 'pong', {}, { reachable: false, reason: 'bad_reply', roundTripMs: 5 }],
    ['null', null, {}, { reachable: false, reason: 'bad_reply' }],
    [
      'what does not decrypt',
      'pong',
      { serializer },
      { reachable: false, reason: 'key_mismatch', roundTripMs: 5 },
    ],
  ])('%s', (_what, result, options, expected) => {
    expect(readPong(result, options, 5)).toMatchObject(expected);
  });
});
