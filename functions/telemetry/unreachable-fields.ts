import type { Unreachable } from '../guest/ping-result.ts';
import { REASONS } from '../guest/reason.ts';
import { queueFields } from '../sweep/summary.ts';

/** The fields of a log line about an unreachable guest. */
export function unreachableFields(result: Unreachable): Record<string, unknown> {
  const { reason, cause, brokerSaid } = result;
  const { means, todo } = REASONS[reason];
  return {
    reason,
    cause,
    broker_said: brokerSaid,
    means,
    todo: result.todo ?? todo,
    ...queueFields(result),
    ...('traceback' in result ? { traceback: result.traceback } : {}),
  };
}
