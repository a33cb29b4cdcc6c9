import { MessageDeliveryFailure } from '../oslo/errors.ts';
import type { Transport } from '../oslo/transport.ts';
import type { Deadline } from '../time/deadline.ts';
import { diagnose, judge } from './diagnosis.ts';
import type { PingResult } from './ping-result.ts';
import { type RequestContext, rpcContext } from './request-context.ts';
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
  readonly confirmTimeoutMs?: number | undefined;
  /** How the broker is asked about the guest's silence, where that differs from a single ping. */
  readonly silence?: Pick<
    SilenceOptions,
    'firstQuestionMs' | 'askEveryMs' | 'answerTimeoutMs' | 'provesLife'
  >;
  /** Ends the ping, which then throws the signal's reason. */
  readonly signal: AbortSignal;
}

/** How long the broker may take to answer about a queue that takes no message; of a queue that is down it is silent. */
const QUEUE_ANSWER_MS = 1000;

/**
 * Pings one guest: calls `rpc_ping` of Trove's guest agent on the topic `guestagent.<instance_id>`.
 *
 * @returns a result for every way in which a call can speak of the guest
 * @throws MessageDeliveryFailure, `unconfirmed` or `closed`: the connection was lost, which says nothing of the guest
 */
export async function rpcPing(
  { client, inspector }: Transport,
  context: RequestContext,
  options: PingOptions,
): Promise<PingResult> {
  const { controlExchange, deadline, confirmTimeoutMs, graceMs, serializer, signal } = options;
  signal.throwIfAborted();
  const target = { exchange: controlExchange, topic: topicOf(context.instanceId) };
  const wait = new AbortController();
  const giveUp = (error: unknown) => wait.abort(error);
  signal.addEventListener('abort', () => giveUp(signal.reason), { once: true });
  let isTaken = false;
  const onConfirmed = () => {
    isTaken = true;
  };
  const silence = new Silence(inspector, {
    ...options.silence,
    target,
    deadline,
    graceMs,
    isTaken: () => isTaken,
  });
  silence.watch(giveUp);
  const afterNack = {
    deadline,
    openTimeoutMs: options.silence?.answerTimeoutMs ?? QUEUE_ANSWER_MS,
    answerTimeoutMs: QUEUE_ANSWER_MS,
  };
  const start = performance.now();
  const elapsedMs = () => Math.round((performance.now() - start) * 1000) / 1000; // what is beyond is noise
  try {
    const request = pingRequest(context, serializer);
    const callOptions = { deadline, confirmTimeoutMs, onConfirmed, signal: wait.signal };
    const result = await client.call(target, request, callOptions);
    return judge(result, serializer, elapsedMs());
  } catch (error) {
    const elapsed = elapsedMs();
    const listeners = isNacked(error) ? await inspector.listeners(target, afterNack) : silence.listeners;
    return diagnose(error, { topic: target.topic, listeners, elapsedMs: elapsed });
  } finally {
    silence.end();
  }
}

function isNacked(error: unknown): boolean {
  return error instanceof MessageDeliveryFailure && error.how === 'nacked';
}

function pingRequest(context: RequestContext, serializer: SecureSerializer | undefined) {
  const clear = rpcContext(context);
  return {
    method: 'rpc_ping',
    args: {},
    version: '1.0',
    context: serializer?.serializeContext(clear) ?? clear,
  };
}
