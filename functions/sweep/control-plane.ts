import { reasonFor } from '../guest/diagnosis.ts';
import type { Reason } from '../guest/reason.ts';
import { COMMON_CONTEXT } from '../guest/request-context.ts';
import { Silence } from '../guest/silence.ts';
import type { PingTiming } from '../guest/timing.ts';
import type { Target } from '../oslo/call.ts';
import { RemoteError, UnreadableReply } from '../oslo/errors.ts';
import { RpcRequest } from '../oslo/message.ts';
import type { Transport } from '../oslo/transport.ts';
import type { Interruption } from '../time/interruption.ts';

/** A topic of the control plane; `name` is the topic, with the exchange before it where that is another one. */
export interface NamedTarget extends Target {
  readonly name: string;
}

/** What a sweep found about a topic of Trove's control plane. */
export interface TopicFinding {
  readonly topic: string;
  /** Why no server answered; undefined: one did. */
  readonly reason?: Reason;
}

/**
 * Pings the servers of some topics by oslo.messaging's own method. Any reply proves life: most servers do not know the
 * method (`rpc_ping_enabled`), and one with secure RPC cannot read the request.
 *
 * @throws MessageDeliveryFailure, `unconfirmed` or `closed`: the connection was lost
 */
export async function pingTopics(
  { client, inspector }: Transport,
  targets: readonly NamedTarget[],
  timing: PingTiming,
  interruption: Interruption,
): Promise<TopicFinding[]> {
  const method = { method: 'oslo_rpc_server_ping', args: {}, version: '1.0' };
  const request = RpcRequest.of({ ...method, context: COMMON_CONTEXT });
  const pings = targets.map((target) => {
    const silence = new Silence(inspector, target, timing);
    return { target, silence, call: client.call(target, request, timing, (silent) => silence.watch(silent)) };
  });
  interruption.onInterrupted((error) => {
    for (const { call } of pings) call.reject(error);
  });
  try {
    return await Promise.all(
      pings.map(async ({ target, silence, call }) => {
        const { name: topic } = target;
        try {
          await call.result;
          return { topic };
        } catch (error) {
          if (error instanceof RemoteError || error instanceof UnreadableReply) return { topic };
          const { reason } = reasonFor(error, { target, queue: silence.queue, roundTripMs: 0 });
          return { topic, reason };
        }
      }),
    );
  } finally {
    for (const { silence } of pings) silence.end();
    interruption.onInterrupted(undefined);
  }
}
