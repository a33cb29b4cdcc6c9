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
  readonly topic: string;
  /** The topic's queue, by the broker's last word; undefined where the broker did not say. */
  readonly queue: QueueCounts | undefined;
  /** Milliseconds from publish to the error. */
  readonly roundTripMs: number;
}

/** A guest's own words are passed on up to this length. */
const MAX_CAUSE_LENGTH = 2000;

/** What a guest's result means: `true`, encrypted where the guest has a key, is the pong. */
export function readPong(
  result: unknown,
  serializer: SecureSerializer | undefined,
  roundTripMs: number,
): PingResult {
  try {
    const pong = serializer ? serializer.deserializeEntity(result) : result;
    return pong === true ? { reachable: true, roundTripMs } : badReply('its result is not true', roundTripMs);
  } catch (error) {
    if (error instanceof KeyMismatch) return keyMismatch(roundTripMs);
    throw error;
  }
}

/**
 * Why a call brought no result, where its error speaks of the guest.
 *
 * @throws any other error
 */
export function reasonFor(error: unknown, { topic, queue, roundTripMs }: Evidence): Unreachable {
  const call = callOf(topic);
  if (error instanceof MessagingTimeout && error.unreadable !== undefined)
    return badReply(error.unreadable, undefined);
  if (error instanceof MessagingTimeout || error instanceof NoConsumer) return silent(call, queue);
  if (error instanceof MessageUndeliverable) {
    const cause = `No queue is bound for the guest, it has never registered - ${call}`;
    return { reachable: false, reason: 'queue_missing', cause };
  }
  if (error instanceof RemoteError) return raised(error, roundTripMs);
  if (error instanceof UnreadableReply) return badReply(error.message, roundTripMs);
  if (error instanceof MessageDeliveryFailure) {
    if (error.how === 'refused') return refused(error, call);
    if (error.how === 'nacked' || error.how === 'withheld') return notTaken(call, queue);
  }
  throw error;
}

function silent(call: string, queue: QueueCounts | undefined): Unreachable {
  return {
    reachable: false,
    reason: queue?.consumers === 0 ? 'no_consumer' : 'no_reply',
    cause: `Timeout while waiting on RPC response - ${call} info: "<unknown>"`,
    queue,
  };
}

function raised({ failure }: RemoteError, roundTripMs: number): Unreachable {
  const { class: className, message, traceback } = failure;
  // Trove's SecureSerializer raises this KeyError for a context in the clear.
  if (className === 'KeyError' && message === "'context'") return keyMismatch(roundTripMs);
  return { reachable: false, reason: 'guest_error', cause: capped(message), roundTripMs, traceback };
}

function refused(failure: MessageDeliveryFailure, call: string): Unreachable {
  if (failure.replyCode === 404)
    return {
      reachable: false,
      reason: 'exchange_missing',
      cause: `The control exchange does not exist - ${call}`,
    };
  const cause = `The broker refused to take the ping (${refusal(failure)}) - ${call}`;
  return { reachable: false, reason: 'broker_refused', cause };
}

/** Names the refusal; 403 means that the user's permissions lack one. */
function refusal({ replyCode }: MessageDeliveryFailure): string {
  return replyCode === 403 ? 'no write permission on the control exchange' : `AMQP reply code ${replyCode}`;
}

/**
 * A queue in which messages wait is there, and full. Of a queue that is down RabbitMQ gives no answer (a classic
 * queue), or counts nothing (a quorum queue without a majority).
 */
function notTaken(call: string, queue: QueueCounts | undefined): Unreachable {
  if (queue !== undefined && queue.messages > 0) {
    const cause = `The broker refused to take the ping (basic.nack: the guest's queue is full) - ${call}`;
    return { reachable: false, reason: 'broker_refused', cause };
  }
  const cause = `The broker does not take the ping for the guest's queue, whose broker node is down - ${call}`;
  return { reachable: false, reason: 'queue_down', cause };
}

function keyMismatch(roundTripMs: number): Unreachable {
  const cause = 'The guest answered, but it does not use the RPC key that is known for it';
  return { reachable: false, reason: 'key_mismatch', cause, roundTripMs };
}

function badReply(problem: string, roundTripMs: number | undefined): Unreachable {
  const cause = `The guest's reply cannot be read: ${problem}`;
  return { reachable: false, reason: 'bad_reply', cause, roundTripMs };
}

/** The call, as oslo.messaging's own time-out names it. */
function callOf(topic: string): string {
  return `topic: "${topic}", RPC method: "rpc_ping"`;
}

function capped(text: string): string {
  return text.length <= MAX_CAUSE_LENGTH ? text : `${text.slice(0, MAX_CAUSE_LENGTH)}…`;
}
