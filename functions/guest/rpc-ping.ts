import {
  MessageDeliveryFailure,
  MessageUndeliverable,
  MessagingTimeout,
  RemoteError,
  UnreadableReply,
} from '../oslo/errors.ts';
import type { CallOptions, RpcClient } from '../oslo/rpc-client.ts';
import { type RequestContext, rpcContext } from './context.ts';
import type { Reason } from './reason.ts';

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
  /** For the log alone: the guest's traceback. */
  readonly traceback?: string;
}

export type PingResult = Reachable | Unreachable;

/** A guest's own words are passed on up to this length. */
const MAX_CAUSE_LENGTH = 2000;

/**
 * Pings one guest: calls `rpc_ping` of Trove's guest agent on the topic `guestagent.<instance_id>`.
 *
 * @param controlExchange the deployment's `control_exchange`
 * @returns a result for every way in which a call can speak of the guest
 * @throws MessageDeliveryFailure, `unconfirmed` or `closed`: the connection was lost, which says nothing of the guest
 */
export async function rpcPing(
  rpc: RpcClient,
  controlExchange: string,
  context: RequestContext,
  options: CallOptions,
): Promise<PingResult> {
  const target = { exchange: controlExchange, topic: `guestagent.${context.instanceId}` };
  const request = { method: 'rpc_ping', args: {}, version: '1.0', context: rpcContext(context) };
  const start = performance.now();
  try {
    const result = await rpc.call(target, request, options);
    const roundTripMs = performance.now() - start;
    if (result === true) return { reachable: true, roundTripMs };
    return { reachable: false, reason: 'bad_reply', cause: badReply('its result is not true'), roundTripMs };
  } catch (error) {
    return diagnose(error, target.topic, performance.now() - start);
  }
}

function diagnose(error: unknown, topic: string, roundTripMs: number): Unreachable {
  const call = `topic: "${topic}", RPC method: "rpc_ping"`;
  if (error instanceof MessagingTimeout) {
    const cause = `Timeout while waiting on RPC response - ${call} info: "<unknown>"`;
    return { reachable: false, reason: 'no_reply', cause };
  }
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
