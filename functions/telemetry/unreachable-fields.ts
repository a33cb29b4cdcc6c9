import type { Unreachable } from '../guest/ping-result.ts';
import { REASONS } from '../guest/reason.ts';
import { queueFields } from '../sweep/summary.ts';

/** The fields of a log line about an unreachable guest. */
export function unreachableFields(result: Unreachable): Record<string, unknown> {
  const { reason, cause } = result;
  const { means, todo } = REASONS[reason];
  return {
    reason,
    cause,
    means,
    todo,
    ...queueFields(result),
    ...('brokerSaid' in result && { broker_said: result.brokerSaid }),
    ...('traceback' in result ? { traceback: result.traceback } : {}),
  };
}
