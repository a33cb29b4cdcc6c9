import {
  MessageDeliveryFailure,
  MessageUndeliverable,
  MessagingTimeout,
  RemoteError,
  UnreadableReply,
} from '../oslo/errors.ts';
import type { Listeners, RpcClient } from '../oslo/rpc-client.ts';
import { type RequestContext, rpcContext } from './context.ts';
import type { Reason } from './reason.ts';
import { Silence } from './silence.ts';

/** The guest answered `true`: it can be reached. */
export interface Reachable {
  readonly reachable: true;
  /** Milliseconds from publish to reply. */
  readonly roundTripMs: number;
}

/** It cannot, or what answered is no pong. */
export interface Unreachable {
  readonly reachable: false;
  readonly reason: Reason;
  /** The cause as the caller reads it, without a full stop. */
  readonly cause: string;
  /** Milliseconds from publish to reply, where the guest replied. */
  readonly roundTripMs?: number;
  /** How many messages wait in the queue of a guest that kept silent, where the broker told. */
  readonly waitingMessages?: number;
  /** For the log alone: the guest's traceback. */
  readonly traceback?: string;
}

export type PingResult = Reachable | Unreachable;

export interface PingOptions {
  /** The deployment's `control_exchange`. */
  readonly controlExchange: string;
  /** How long to wait for the pong, in milliseconds. */
  readonly timeoutMs: number;
  /** How long to wait while nobody consumes the guest's queue, in milliseconds: its agent may just be restarting. */
  readonly graceMs: number;
  /** See {@link CallOptions}. */
  readonly confirmTimeoutMs?: number | undefined;
}

/** A guest's own words are passed on up to this length. */
const MAX_CAUSE_LENGTH = 2000;

/**
 * Pings one guest: calls `rpc_ping` of Trove's guest agent on the topic `guestagent.<instance_id>`.
 *
 * @returns a result for every way in which a call can speak of the guest
 * @throws MessageDeliveryFailure, `unconfirmed` or `closed`: the connection was lost, which says nothing of the guest
 */
export async function rpcPing(
  rpc: RpcClient,
  context: RequestContext,
  options: PingOptions,
): Promise<PingResult> {
  const { controlExchange, timeoutMs, graceMs, confirmTimeoutMs } = options;
  const target = { exchange: controlExchange, topic: `guestagent.${context.instanceId}` };
  const request = { method: 'rpc_ping', args: {}, version: '1.0', context: rpcContext(context) };
  const wait = new AbortController();
  const giveUp = (error: Error = new MessagingTimeout('Nobody listens')) => wait.abort(error);
  const silence = new Silence(rpc, { topic: target.topic, timeoutMs, graceMs, giveUp });
  const start = performance.now();
  try {
    const result = await rpc.call(target, request, { timeoutMs, confirmTimeoutMs, signal: wait.signal });
    const roundTripMs = performance.now() - start;
    if (result === true) return { reachable: true, roundTripMs };
    return { reachable: false, reason: 'bad_reply', cause: badReply('its result is not true'), roundTripMs };
  } catch (error) {
    if (error instanceof MessagingTimeout) return silent(target.topic, silence.listeners);
    return diagnose(error, target.topic, performance.now() - start);
  } finally {
    silence.end();
  }
}

function silent(topic: string, listeners: Listeners | undefined): Unreachable {
  return {
    reachable: false,
    reason: listeners?.consumers === 0 ? 'no_consumer' : 'no_reply',
    cause: `Timeout while waiting on RPC response - ${callOf(topic)} info: "<unknown>"`,
    ...(listeners && { waitingMessages: listeners.messages }),
  };
}

/** The call, as oslo.messaging's own time-out names it. */
function callOf(topic: string): string {
  return `topic: "${topic}", RPC method: "rpc_ping"`;
}

function diagnose(error: unknown, topic: string, roundTripMs: number): Unreachable {
  const call = callOf(topic);
  if (error instanceof MessageUndeliverable) {
    const cause = `No queue is bound for the guest, it has never registered - ${call}`;
    return { reachable: false, reason: 'queue_missing', cause };
  }
  if (error instanceof RemoteError) {
    const { message, traceback } = error.failure;
    return { reachable: false, reason: 'guest_error', cause: capped(message), roundTripMs, traceback };
  }
  if (error instanceof UnreadableReply) {
    return { reachable: false, reason: 'bad_reply', cause: badReply(error.message), roundTripMs };
  }
  if (error instanceof MessageDeliveryFailure && error.how === 'refused') {
    return error.replyCode === 404
      ? {
          reachable: false,
          reason: 'exchange_missing',
          cause: `The control exchange does not exist - ${call}`,
        }
      : {
          reachable: false,
          reason: 'broker_refused',
          cause: `The broker refused to take the ping - ${call}`,
        };
  }
  throw error;
}

function badReply(problem: string): string {
  return `The guest's reply cannot be read: ${problem}`;
}

function capped(text: string): string {
  return text.length <= MAX_CAUSE_LENGTH ? text : `${text.slice(0, MAX_CAUSE_LENGTH)}…`;
}
