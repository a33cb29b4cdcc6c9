import { brokerSaid } from '../amqp-reply.ts';
import { cut } from '../excerpt.ts';
import type { Target } from '../oslo/call.ts';
import { NOT_ALLOWED } from '../oslo/channels.ts';
import {
  MessageDeliveryFailure,
  MessageUndeliverable,
  MessagingTimeout,
  RemoteError,
  UnreadableReply,
} from '../oslo/errors.ts';
import type { QueueCounts } from '../oslo/inspector.ts';
import type { PingResult, Unreachable } from './ping-result.ts';
import { KeyMismatch, type SecureSerializer } from './secure-serializer.ts';
import { NoConsumer } from './silence.ts';

/** What is known of a call that has ended in an error. */
export interface Evidence {
  readonly target: Target;
  /** The topic's queue, by the broker's last word; undefined where the broker did not say, or said that there is none. */
  readonly queue: QueueCounts | undefined;
  /** Milliseconds from publish to the error. */
  readonly roundTripMs: number;
}

/** A guest's own words, and the broker's, are passed on up to this length. */
const MAX_CAUSE_LENGTH = 2000;

/** How a guest's result is read. */
export interface PongOptions {
  /** Of a guest whose RPC is encrypted. */
  readonly serializer?: SecureSerializer | undefined;
  /** Whether a result in the clear of such a guest is refused. */
  readonly requireEncryption?: boolean;
}

/** What a guest's result means: `true`, encrypted where the guest has a key, is the pong. */
export function readPong(
  result: unknown,
  { serializer, requireEncryption = false }: PongOptions,
  roundTripMs: number,
): PingResult {
  try {
    const isClear = serializer !== undefined && typeof result !== 'string';
    if (isClear && requireEncryption) return keyMismatch(roundTripMs);
    const pong = serializer && !isClear ? serializer.deserializeEntity(result) : result;
    if (pong !== true) return badReply('its result is not true', roundTripMs);
    return isClear ? { reachable: true, roundTripMs, encrypted: false } : { reachable: true, roundTripMs };
  } catch (error) {
    if (error instanceof KeyMismatch) return keyMismatch(roundTripMs);
    throw error;
  }
}

/** Why a call brought no result, where its error speaks of the guest. @throws any other error; also where the login has expired */
export function reasonFor(error: unknown, { target, queue, roundTripMs }: Evidence): Unreachable {
  const call = `topic: "${target.topic}", RPC method: "rpc_ping"`; // as oslo.messaging's own time-out names it
  if (error instanceof MessagingTimeout || error instanceof NoConsumer) return silent(call, queue);
  if (error instanceof MessageUndeliverable) return notRouted(call, target.exchange, queue);
  if (error instanceof RemoteError) return raised(error, roundTripMs);
  if (error instanceof UnreadableReply) return badReply(error.message, roundTripMs);
  if (error instanceof MessageDeliveryFailure) {
    if (error.how === 'refused' && !error.isOfLogin) return refused(error, call);
    if (error.how === 'withheld' && queue && queue.consumers + queue.messages > 0) return silent(call, queue);
    if (error.how === 'nacked' || error.how === 'withheld') return notTaken(call, queue);
  }
  throw error;
}

function silent(call: string, queue: QueueCounts | undefined): Unreachable {
  return {
    reachable: false,
    reason: queue?.consumers === 0 ? 'no_consumer' : 'no_reply',
    cause: `Timeout while waiting on RPC response - ${call} info: "<unknown>"${severalAgents(queue)}`,
    queue,
  };
}

/** A guest has one agent; an old one may have been left beside it. */
export function severalAgents(queue: QueueCounts | undefined): string {
  return queue !== undefined && queue.consumers > 1 ? `, ${queue.consumers} agents consume the queue` : '';
}

function notRouted(call: string, exchange: string, queue: QueueCounts | undefined): Unreachable {
  const cause =
    queue === undefined
      ? `No queue is bound for the guest: it went with its agent or with the broker, or the instance is not on this broker - ${call}`
      : `The guest's queue exists${queue.consumers > 0 ? ', is consumed,' : ''} and is not bound to the exchange "${exchange}": compare CONTROL_EXCHANGE with the agent's control_exchange - ${call}`;
  return { reachable: false, reason: 'queue_missing', cause, ...(queue && { queue }) };
}

function raised({ failure }: RemoteError, roundTripMs: number): Unreachable {
  const { class: className, message, traceback } = failure;
  // Trove's SecureSerializer raises this KeyError for a context in the clear.
  if (className === 'KeyError' && message === "'context'") return keyMismatch(roundTripMs);
  return {
    reachable: false,
    reason: 'guest_error',
    cause: cut(message || className, MAX_CAUSE_LENGTH),
    roundTripMs,
    traceback,
  };
}

function refused(failure: MessageDeliveryFailure, call: string): Unreachable {
  const isOfGuest = !failure.isOfExchange && failure.replyCode !== NOT_ALLOWED;
  const common = {
    reachable: false,
    isOfGuest,
    brokerSaid: brokerSaid(failure) ?? cut(failure.message, MAX_CAUSE_LENGTH),
  } as const;
  if (failure.replyCode === 404) {
    const cause = `The control exchange does not exist: nothing has declared it since the broker started, or CONTROL_EXCHANGE is wrong - ${call}`;
    return { ...common, reason: 'exchange_missing', cause };
  }
  const cause = `The broker refused to take the ping (${refusedFor(failure)}) - ${call}`;
  return { ...common, reason: 'broker_refused', cause };
}

/** 403 means that the user's permissions lack one, but for an internal exchange; 530 a limit. */
function refusedFor(failure: MessageDeliveryFailure): string {
  if (failure.isOfTopic()) return "no topic permission for this guest's key, see list_topic_permissions";
  if (/publish to internal exchange/.test(failure.message))
    return 'CONTROL_EXCHANGE names an internal exchange, to which no client may publish';
  if (/larger than (configured )?max size/.test(failure.message))
    return "the ping is larger than the broker's max_message_size";
  if (failure.replyCode === 403) return 'no write permission on the control exchange';
  if (failure.replyCode === NOT_ALLOWED)
    return 'the limit of channels is reached, of the user, the node or the connection';
  return `AMQP reply code ${failure.replyCode}`;
}

/**
 * A queue in which messages wait is there, and full. Of a queue that is down RabbitMQ gives no answer (a classic
 * queue), or counts nothing (a quorum queue without a majority).
 */
function notTaken(call: string, queue: QueueCounts | undefined): Unreachable {
  if (queue !== undefined && queue.messages > 0) {
    const cause = `The broker refused to take the ping (basic.nack: the guest's queue is full) - ${call}`;
    return { reachable: false, reason: 'broker_refused', isOfGuest: true, cause };
  }
  const cause = `The broker does not take the ping for the guest's queue, whose broker node is down, or whose limit of length is reached - ${call}`;
  return { reachable: false, reason: 'queue_down', cause };
}

function keyMismatch(roundTripMs: number): Unreachable {
  const cause = 'The guest answered, but it does not use the RPC key that is known for it';
  return { reachable: false, reason: 'key_mismatch', cause, roundTripMs };
}

function badReply(problem: string, roundTripMs: number): Unreachable {
  const cause = `The guest's reply cannot be read: ${problem}`;
  return { reachable: false, reason: 'bad_reply', cause, roundTripMs };
}
