import type { QueueCounts } from '../oslo/inspector.ts';
import type { ProxyError } from './reason.ts';

/** The guest answered `true`. */
export interface Reachable {
  readonly reachable: true;
  /** Milliseconds from publish to reply, to the microsecond. */
  readonly roundTripMs: number;
}

/** No pong came, or what answered is no pong. */
export type Unreachable = {
  readonly reachable: false;
  /** The cause as the caller reads it, without a full stop. */
  readonly cause: string;
} & (
  | {
      readonly reason: 'broker_unreachable';
      readonly proxyError: ProxyError;
    }
  | {
      readonly reason:
        | 'broker_refused'
        | 'broker_blocked'
        | 'exchange_missing'
        | 'queue_down'
        | 'queue_missing';
    }
  | {
      readonly reason: 'no_consumer' | 'no_reply';
      /** Who listened on the guest's queue, and what waits in that queue; undefined where the broker did not say. */
      readonly queue: QueueCounts | undefined;
    }
  | {
      readonly reason: 'guest_error';
      readonly roundTripMs: number;
      /** For the log alone. */
      readonly traceback: string;
    }
  | {
      readonly reason: 'key_mismatch' | 'bad_reply';
      /** Undefined where the reply did not name its call. */
      readonly roundTripMs: number | undefined;
    }
);

export type PingResult = Reachable | Unreachable;
