import { MessageDeliveryFailure } from '../oslo/errors.ts';
import { RpcRequest } from '../oslo/message.ts';
import type { Transport } from '../oslo/transport.ts';
import type { Deadline } from '../time/deadline.ts';
import type { Interruption } from '../time/interruption.ts';
import { readPong, reasonFor } from './diagnosis.ts';
import type { PingResult } from './ping-result.ts';
import { COMMON_CONTEXT, type RequestContext, rpcContext } from './request-context.ts';
import type { SecureSerializer } from './secure-serializer.ts';
import { Silence, type SilenceOptions } from './silence.ts';
import { topicOf } from './topic.ts';

export interface PingOptions {
  /** The deployment's `control_exchange`. */
  readonly controlExchange: string;
  /** Until when to wait for the pong. */
  readonly deadline: Deadline;
  /** How long to wait while nobody consumes the guest's queue, in milliseconds: its agent may just be restarting. */
  readonly graceMs: number;
  /** For a guest whose RPC is encrypted. */
  readonly serializer?: SecureSerializer | undefined;
  /** See {@link CallOptions}. */
  readonly confirmAfterMs?: number | undefined;
  /** See {@link CallOptions}. */
  readonly confirmTimeoutMs?: number | undefined;
  /** How the broker is asked about the guest's silence, where that differs from a single ping. */
  readonly silence?: Pick<
    SilenceOptions,
    'firstQuestionMs' | 'askEveryMs' | 'answerTimeoutMs' | 'provesLife'
  >;
  /** Ends the ping, which then throws the interruption's error. */
  readonly interruption: Interruption;
}

/** How long the broker may take to answer about a queue that takes no message; of a queue that is down it is silent. */
const QUEUE_ANSWER_MS = 1000;

/**
 * Pings one guest: calls `rpc_ping` of Trove's guest agent on the topic `guestagent.<instance_id>`.
 *
 * @param request a {@link pingRequest}, with the same serializer as in the options
 * @returns a result for every way in which a call can speak of the guest
 * @throws MessageDeliveryFailure, `unconfirmed` or `closed`: the connection was lost, which says nothing of the guest
 */
export async function rpcPing(
  { client, inspector }: Transport,
  instanceId: string,
  request: RpcRequest,
  options: PingOptions,
): Promise<PingResult> {
  const { controlExchange, deadline, confirmAfterMs, confirmTimeoutMs, graceMs, serializer, interruption } =
    options;
  const target = { exchange: controlExchange, topic: topicOf(instanceId) };
  const start = performance.now();
  const elapsedMs = () => Math.round((performance.now() - start) * 1000) / 1000; // what is beyond is noise
  const silence = new Silence(inspector, { ...options.silence, target, deadline, graceMs });
  const call = client.call(target, request, {
    deadline,
    confirmAfterMs,
    confirmTimeoutMs,
    onSilence: (silent) => silence.watch(silent),
  });
  interruption.onInterrupted((error) => call.reject(error));
  try {
    return readPong(await call.result, serializer, elapsedMs());
  } catch (error) {
    const elapsed = elapsedMs();
    const afterNack = {
      deadline,
      openTimeoutMs: options.silence?.answerTimeoutMs ?? QUEUE_ANSWER_MS,
      answerTimeoutMs: QUEUE_ANSWER_MS,
    };
    const queue = isNacked(error) ? await inspector.listeners(target, afterNack) : silence.listeners;
    return reasonFor(error, { topic: target.topic, queue, elapsedMs: elapsed });
  } finally {
    silence.end();
    interruption.onInterrupted(undefined);
  }
}

function isNacked(error: unknown): boolean {
  return error instanceof MessageDeliveryFailure && error.how === 'nacked';
}

const RPC_PING = { method: 'rpc_ping', args: {}, version: '1.0' };

// Made with the first ping, not when the module loads: what that takes is part of each cold start.
let clearPing: RpcRequest | undefined;
let encryptedPing: RpcRequest | undefined;

/**
 * The request with which guests are pinged.
 *
 * @param serializer of a guest whose RPC is encrypted
 */
export function pingRequest(context: RequestContext, serializer?: SecureSerializer): RpcRequest {
  if (serializer !== undefined) {
    encryptedPing ??= RpcRequest.of({ ...RPC_PING, context: {} });
    return encryptedPing.with({ _context_context: serializer.serializeContext(rpcContext(context)) });
  }
  clearPing ??= RpcRequest.of({ ...RPC_PING, context: COMMON_CONTEXT });
  const { tenantId, requestId } = context;
  return clearPing.with({ _context_project_id: tenantId, _context_request_id: requestId });
}
