import { isBrokerError, type Unreachability } from '../broker/errors.ts';
import type { Unreachable } from '../guest/ping-result.ts';
import { MessageDeliveryFailure } from '../oslo/errors.ts';

/** What a failure of the broker means for a ping. @throws any other error */
export function brokerFailure(error: unknown): Unreachable {
  if (!isBrokerError(error)) throw error;
  const { code: reason, message: cause } = error;
  if (reason === 'broker_unreachable') return { reachable: false, reason, cause, proxyError: error.how };
  return { reachable: false, reason, cause };
}

/** How the connection was lost, where a call failed with it: that says nothing of the guest. */
export function connectionLoss(error: unknown): Unreachability | undefined {
  if (!(error instanceof MessageDeliveryFailure)) return undefined;
  if (error.how === 'unconfirmed') return 'connection_timeout';
  return error.how === 'closed' ? 'connection_terminated' : undefined;
}
