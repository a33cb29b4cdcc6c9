import type { Unreachable } from '../guest/ping.ts';
import { REASONS } from '../guest/reason.ts';

/** What the log tells of an unreachable guest. */
export function whyUnreachable(result: Unreachable): Record<string, unknown> {
  const { reason, cause } = result;
  const { means, todo } = REASONS[reason];
  return {
    reason,
    cause,
    means,
    todo,
    ...('waitingMessages' in result ? { waiting_messages: result.waitingMessages } : {}),
    ...('traceback' in result ? { traceback: result.traceback } : {}),
  };
}

/** To the microsecond: what is beyond is noise. */
export function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
