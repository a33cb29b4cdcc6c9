import { MessageDeliveryFailure, MessageUndeliverable } from '../oslo/errors.ts';
import { RpcRequest } from '../oslo/message.ts';
import type { Transport } from '../oslo/transport.ts';
import type { Interruption } from '../time/interruption.ts';
import { type PongOptions, readPong, reasonFor } from './diagnosis.ts';
import type { PingResult } from './ping-result.ts';
import { COMMON_CONTEXT, type RequestContext, rpcContext } from './request-context.ts';
import type { SecureSerializer } from './secure-serializer.ts';
import { NoConsumer, Silence } from './silence.ts';
import type { PingTiming } from './timing.ts';
import { topicOf } from './topic.ts';

export interface PingOptions extends PongOptions {
  /** The deployment's `control_exchange`. */
  readonly controlExchange: string;
  readonly timing: PingTiming;
  /**
   * Asks the broker first who consumes the guest's queue, and pings only where somebody does: where nobody ever has, a
   * ping stays in the queue behind what Trove sent when it made the instance.
   */
  readonly asksFirst?: boolean;
  /** Ends the ping, which then throws the interruption's error. */
  readonly interruption: Interruption;
}

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
  { controlExchange, timing, asksFirst = false, interruption, ...pong }: PingOptions,
): Promise<PingResult> {
  const target = { exchange: controlExchange, topic: topicOf(instanceId) };
  const start = performance.now();
  const elapsedMs = () => Math.round((performance.now() - start) * 1000) / 1000; // what is beyond is noise
  const known = asksFirst ? await inspector.queueCounts(target, timing) : undefined;
  if (known !== undefined && known !== 'missing' && known.consumers === 0)
    return reasonFor(new NoConsumer(), { target, queue: known, roundTripMs: elapsedMs() });
  interruption.throwIfInterrupted();
  const silence = new Silence(inspector, target, timing);
  const call = client.call(target, request, timing, (silent) => silence.watch(silent));
  interruption.onInterrupted((error) => call.reject(error));
  const askQueue = async (answerTimeoutMs = timing.refusedAnswerMs) => {
    const queue = await inspector.queueCounts(target, { ...timing, answerTimeoutMs });
    return queue === 'missing' ? undefined : queue;
  };
  /** A broker that is slow for all takes longer to answer about a queue that is not down, too. */
  const askQueueInItsPace = async () => {
    const askedMs = elapsedMs();
    await inspector.proveAlive(controlExchange, timing.answerTimeoutMs);
    return askQueue(Math.max(timing.refusedAnswerMs, 2 * (elapsedMs() - askedMs)));
  };
  try {
    const result = readPong(await call.result, pong, elapsedMs());
    if (!result.reachable || !call.isAnsweredLate) return result;
    const { consumers = 1 } = silence.queue ?? (await askQueue()) ?? {};
    return consumers > 1 ? { ...result, consumers } : result;
  } catch (error) {
    const roundTripMs = elapsedMs();
    if (isWithheld(error)) return reasonFor(error, { target, queue: await askQueueInItsPace(), roundTripMs });
    const queue = isOfQueue(error) ? await askQueue() : silence.queue;
    return reasonFor(error, { target, queue, roundTripMs });
  } finally {
    silence.end();
    interruption.onInterrupted(undefined);
  }
}

function isWithheld(error: unknown): boolean {
  return error instanceof MessageDeliveryFailure && error.how === 'withheld';
}

/** Whether the guest's queue has refused the ping, or is not bound. */
function isOfQueue(error: unknown): boolean {
  if (error instanceof MessageDeliveryFailure) return error.how === 'nacked';
  return error instanceof MessageUndeliverable;
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
  const { tenantId, requestId, globalRequestId } = context;
  const ids = { _context_project_id: tenantId, _context_request_id: requestId };
  return clearPing.with(
    globalRequestId === undefined ? ids : { ...ids, _context_global_request_id: globalRequestId },
  );
}
