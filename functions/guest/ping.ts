import type { Call } from '../oslo/call.ts';
import { MessageDeliveryFailure, MessageUndeliverable } from '../oslo/errors.ts';
import { RpcRequest } from '../oslo/message.ts';
import type { Transport } from '../oslo/transport.ts';
import type { Hops } from '../time/hops.ts';
import type { Interruption } from '../time/interruption.ts';
import { type PongOptions, readPong, reasonFor, severalAgents } from './diagnosis.ts';
import type { PingResult, Unreachable } from './ping-result.ts';
import type { Reason } from './reason.ts';
import { COMMON_CONTEXT, type RequestContext, rpcContext } from './request-context.ts';
import type { SecureSerializer } from './secure-serializer.ts';
import { NoConsumer, Silence } from './silence.ts';
import type { PingTiming } from './timing.ts';
import { topicOf } from './topic.ts';

/** What of a transport pings a guest. */
export interface PingTransport {
  readonly client: Pick<Transport['client'], 'call'>;
  readonly inspector: Pick<Transport['inspector'], 'queueCounts' | 'proveAlive'>;
}

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
  /** Gets `publish`, `confirm`, `ask` and `rpc`, as far as the ping came; `confirm` and `ask` take part of the time of `rpc`. */
  readonly hops?: Hops;
}

/**
 * Pings one guest: calls `rpc_ping` of Trove's guest agent on the topic `guestagent.<instance_id>`.
 *
 * @param request a {@link pingRequest}, with the same serializer as in the options
 * @returns a result for every way in which a call can speak of the guest
 * @throws MessageDeliveryFailure, `unconfirmed` or `closed`: the connection was lost, which says nothing of the guest
 */
export async function rpcPing(
  { client, inspector }: PingTransport,
  instanceId: string,
  request: RpcRequest,
  options: PingOptions,
): Promise<PingResult> {
  const { controlExchange, timing, asksFirst = false, interruption, hops } = options;
  const target = { exchange: controlExchange, topic: topicOf(instanceId) };
  const startMs = performance.now();
  const known = asksFirst ? await inspector.queueCounts(target, timing) : undefined;
  if (typeof known === 'object' && known.consumers === 0)
    return reasonFor(new NoConsumer(), { target, queue: known, roundTripMs: sinceMs(startMs) });
  interruption.throwIfInterrupted();
  const silence = new Silence(inspector, target, timing);
  hops?.begin('rpc');
  const call = client.call(target, request, timing, (silent) => silence.watch(silent));
  const publishMs = hops ? sinceMs(startMs) : 0;
  interruption.onInterrupted((error) => call.reject(error));
  let outcome: unknown;
  let endMs = 0;
  try {
    const answer = await call.result;
    endMs = sinceMs(startMs);
    const result = readPong(answer, options, endMs);
    outcome = result;
    if (!result.reachable) return withAgents(result, silence);
    if (!call.isAnsweredLate) return result;
    const { consumers = 1 } = silence.queue ?? (await silence.askOnceMore()) ?? {};
    return consumers > 1 ? { ...result, consumers } : result;
  } catch (error) {
    outcome = error;
    endMs = sinceMs(startMs);
    // Elsewhere a consumer proves nothing: RabbitMQ 4 counts those of a quorum queue without a majority, too.
    const isSlow = isWithheld(error) && timing.silenceMs() > timing.firstQuestionMs;
    const queue = isSlow || isOfQueue(error) ? await silence.askOnceMore(isSlow) : silence.queue;
    const result = reasonFor(silence.downFailure ?? error, { target, queue, roundTripMs: endMs });
    outcome = result;
    return withAgents(result, silence);
  } finally {
    silence.end();
    interruption.onInterrupted(undefined);
    if (hops) recordHops(hops, { publishMs, call, askMs: silence.askMs, endMs }, outcome);
  }
}

/** Milliseconds since then; what is beyond a microsecond is noise. */
function sinceMs(startMs: number): number {
  return Math.round((performance.now() - startMs) * 1000) / 1000;
}

/** An agent with another key may be a second one, left from before a rebuild. */
async function withAgents(result: Unreachable, silence: Silence): Promise<Unreachable> {
  if (result.reason !== 'key_mismatch') return result;
  return { ...result, cause: result.cause + severalAgents(await silence.askOnceMore()) };
}

function isWithheld(error: unknown): boolean {
  return error instanceof MessageDeliveryFailure && error.how === 'withheld';
}

/** Whether the guest's queue has refused the ping, or is not bound. */
function isOfQueue(error: unknown): boolean {
  if (error instanceof MessageDeliveryFailure) return error.how === 'nacked';
  return error instanceof MessageUndeliverable;
}

/** At which hop a ping stopped that was not taken for the guest; all others stop at `rpc`. */
const STOPPED_AT: Partial<Record<Reason, string>> = {
  broker_refused: 'publish',
  exchange_missing: 'publish',
  queue_missing: 'ask',
  queue_down: 'confirm',
};

interface Times {
  readonly publishMs: number;
  readonly call: Pick<Call, 'confirmMs' | 'isUnconfirmed'>;
  readonly askMs: number | undefined;
  readonly endMs: number;
}

/** @param outcome a PingResult, or what was thrown */
function recordHops(hops: Hops, { publishMs, call, askMs, endMs }: Times, outcome: unknown): void {
  const { reachable, reason } = Object(outcome);
  const waitedFor = reason === undefined && call.isUnconfirmed ? 'confirm' : 'rpc';
  const last = reachable ? 'rpc' : (STOPPED_AT[reason as Reason] ?? waitedFor);
  hops.drop();
  if (last !== 'publish') hops.add('publish', publishMs);
  if (last !== 'confirm' && call.confirmMs !== undefined) hops.add('confirm', call.confirmMs);
  if (last !== 'ask' && askMs !== undefined) hops.add('ask', askMs);
  hops.add(last, (last === 'ask' && askMs) || endMs, reachable ? undefined : (reason ?? outcome));
}

const RPC_PING = { method: 'rpc_ping', args: {}, version: '1.0' };

// Made with the first ping, not when the module loads: what that takes is part of each cold start.
let clearPing: RpcRequest | undefined;
let encryptedPing: RpcRequest | undefined;

/** The request with which guests are pinged. @param serializer of a guest whose RPC is encrypted */
export function pingRequest(context: RequestContext, serializer?: SecureSerializer): RpcRequest {
  if (serializer !== undefined) {
    encryptedPing ??= RpcRequest.of({ ...RPC_PING, context: {} });
    return encryptedPing.with({ _context_context: serializer.serializeContext(rpcContext(context)) });
  }
  clearPing ??= RpcRequest.of({ ...RPC_PING, context: COMMON_CONTEXT });
  return clearPing.with({
    _context_project_id: context.tenantId,
    _context_request_id: context.requestId,
    _context_global_request_id: context.globalRequestId,
  });
}
