import {
  BrokerBlocked,
  type BrokerFailure,
  BrokerRefused,
  BrokerUnreachable,
  type Unreachability,
} from '../broker/errors.ts';
import type { Unreachable } from '../guest/ping-result.ts';
import { MessageDeliveryFailure } from '../oslo/errors.ts';

/** What a failure of the broker means for a ping. @throws any other error */
export function brokerFailure(error: unknown): Unreachable {
  if (error instanceof BrokerUnreachable)
    return { ...detailsOf(error), reason: error.code, proxyError: error.how };
  if (error instanceof BrokerRefused || error instanceof BrokerBlocked)
    return { ...detailsOf(error), reason: error.code };
  throw error;
}

function detailsOf({ message: cause, brokerSaid, todo }: BrokerFailure) {
  return { reachable: false, cause, ...(brokerSaid && { brokerSaid }), ...(todo && { todo }) } as const;
}

/** How the connection was lost, where a call failed with it: that says nothing of the guest. */
export function connectionLoss(error: unknown): Unreachability | undefined {
  if (!(error instanceof MessageDeliveryFailure)) return undefined;
  if (error.how === 'unconfirmed') return 'connection_timeout';
  return error.how === 'closed' || error.isOfLogin ? 'connection_terminated' : undefined;
}
