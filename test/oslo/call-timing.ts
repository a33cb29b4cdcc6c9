import type { CallTiming } from '../../functions/oslo/call.ts';
import { Deadline } from '../../functions/time/deadline.ts';

/** The timing of a call whose first request has a confirm, on a connection that is known to live. */
export function callTiming(timeoutMs: number, fields: Partial<CallTiming> = {}): CallTiming {
  return {
    deadline: Deadline.in(timeoutMs),
    silentAfterMs: 0,
    signOfLifeMs: Number.POSITIVE_INFINITY,
    ownChannelAfterMs: 1000,
    lastSendMs: (timeoutMs * 2) / 3,
    ...fields,
  };
}
