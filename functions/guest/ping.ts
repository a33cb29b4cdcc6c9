import {
  MessageDeliveryFailure,
  MessageUndeliverable,
  MessagingTimeout,
  RemoteError,
  UnreadableReply,
} from '../oslo/errors.ts';
import type { Listeners, RpcClient } from '../oslo/rpc-client.ts';
import type { ProxyError } from './reason.ts';
import { type RequestContext, rpcContext } from './request-context.ts';
import { KeyMismatch, type SecureSerializer } from './secure-serializer.ts';
import { Silence, type SilenceOptions } from './silence.ts';

/** The guest answered `true`: it can be reached. */
export interface Reachable {
  readonly reachable: true;
  /** Milliseconds from publish to reply. */
  readonly roundTripMs: number;
}

/** It cannot, or what answered is no pong. */
export type Unreachable = {
  readonly reachable: false;
  /** The cause as the caller reads it, without a full stop. */
  readonly cause: string;
} & (
  | {
      readonly reason: 'broker_unreachable';
      readonly proxyError: ProxyError;
    }
  | {
      readonly reason: 'broker_refused' | 'broker_blocked' | 'exchange_missing' | 'queue_missing';
    }
  | {
      readonly reason: 'no_consumer' | 'no_reply';
      /** How many messages wait in the guest's queue, where the broker told. */
      readonly waitingMessages: number | undefined;
    }
  | {
      readonly reason: 'guest_error';
      readonly roundTripMs: number;
      /** For the log alone. */
      readonly traceback: string;
    }
  | {
      readonly reason: 'key_mismatch' | 'bad_reply';
      /** Undefined where it is not sure what was answered to what. */
      readonly roundTripMs: number | undefined;
    }
);

export type PingResult = Reachable | Unreachable;

export interface PingOptions {
  /** The deployment's `control_exchange`. */
  readonly controlExchange: string;
  /** How long to wait for the pong, in milliseconds. */
  readonly timeoutMs: number;
  /** How long to wait while nobody consumes the guest's queue, in milliseconds: its agent may just be restarting. */
  readonly graceMs: number;
  /** For a guest whose RPC is encrypted. */
  readonly serializer?: SecureSerializer | undefined;
  /** See {@link CallOptions}. */
  readonly confirmTimeoutMs?: number | undefined;
  /** How the broker is asked about the guest's silence, where it is not as a single ping does. */
  readonly silence?: Pick<SilenceOptions, 'known' | 'askEveryMs' | 'answerTimeoutMs'>;
  /** Ends the ping, which then throws the signal's reason. */
  readonly signal: AbortSignal;
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
  const { controlExchange, timeoutMs, graceMs, confirmTimeoutMs, serializer } = options;
  options.signal.throwIfAborted();
  const target = { exchange: controlExchange, topic: `guestagent.${context.instanceId}` };
  const clearContext = rpcContext(context);
  const request = {
    method: 'rpc_ping',
    args: {},
    version: '1.0',
    context: serializer?.serializeContext(clearContext) ?? clearContext,
  };
  const wait = new AbortController();
  const giveUp = (error: Error = new MessagingTimeout('Nobody listens')) => wait.abort(error);
  options.signal.addEventListener('abort', () => giveUp(options.signal.reason), { once: true });
  const silence = new Silence(rpc, { ...options.silence, target, timeoutMs, graceMs, giveUp });
  const start = performance.now();
  try {
    const result = await rpc.call(target, request, { timeoutMs, confirmTimeoutMs, signal: wait.signal });
    const roundTripMs = performance.now() - start;
    return answered(result, serializer, roundTripMs);
  } catch (error) {
    if (error instanceof MessagingTimeout) return silent(target.topic, silence.listeners);
    return diagnose(error, target.topic, performance.now() - start);
  } finally {
    silence.end();
  }
}

function answered(
  result: unknown,
  serializer: SecureSerializer | undefined,
  roundTripMs: number,
): PingResult {
  try {
    const pong = serializer ? serializer.deserializeEntity(result) : result;
    if (pong === true) return { reachable: true, roundTripMs };
    return { reachable: false, reason: 'bad_reply', cause: badReply('its result is not true'), roundTripMs };
  } catch (error) {
    if (error instanceof KeyMismatch) return keyMismatch(roundTripMs);
    throw error;
  }
}

function keyMismatch(roundTripMs: number): Unreachable {
  const cause = 'The guest answered, but it does not use the RPC key that is known for it';
  return { reachable: false, reason: 'key_mismatch', cause, roundTripMs };
}

function silent(topic: string, listeners: Listeners | undefined): Unreachable {
  return {
    reachable: false,
    reason: listeners?.consumers === 0 ? 'no_consumer' : 'no_reply',
    cause: `Timeout while waiting on RPC response - ${callOf(topic)} info: "<unknown>"`,
    waitingMessages: listeners?.messages,
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
    const { class: className, message, traceback } = error.failure;
    // What a SecureSerializer raises when the context does not come encrypted.
    if (className === 'KeyError' && message === "'context'") return keyMismatch(roundTripMs);
    return { reachable: false, reason: 'guest_error', cause: capped(message), roundTripMs, traceback };
  }
  if (error instanceof UnreadableReply) {
    const measured = error.isAttributed ? roundTripMs : undefined;
    return { reachable: false, reason: 'bad_reply', cause: badReply(error.message), roundTripMs: measured };
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
          cause: `The broker refused to take the ping (${refusal(error)}) - ${call}`,
        };
  }
  throw error;
}

/** What AMQP says of the refusal; 403 is the one that an operator's permissions make. */
function refusal({ replyCode }: MessageDeliveryFailure): string {
  if (replyCode === 403) return 'no write permission on the control exchange';
  return replyCode === undefined ? 'basic.nack' : `AMQP reply code ${replyCode}`;
}

function badReply(problem: string): string {
  return `The guest's reply cannot be read: ${problem}`;
}

function capped(text: string): string {
  return text.length <= MAX_CAUSE_LENGTH ? text : `${text.slice(0, MAX_CAUSE_LENGTH)}…`;
}
