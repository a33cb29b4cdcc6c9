import type { QueueCounts } from '../oslo/inspector.ts';
import type { ProxyError } from './reason.ts';

export interface Reachable {
  readonly reachable: true;
  /** Milliseconds from publish to reply, to the microsecond. */
  readonly roundTripMs: number;
  /** False where the guest has an RPC key and answered in the clear all the same: anyone may have answered. */
  readonly encrypted?: false;
  /** How many agents consume the guest's queue, where they are more than one. */
  readonly consumers?: number;
}

/** No pong came, or what answered is no pong. */
export type Unreachable = {
  readonly reachable: false;
  /** The cause as the caller reads it, without a full stop. */
  readonly cause: string;
  /** RabbitMQ's own code and words, for the log alone. */
  readonly brokerSaid?: string;
  /** What to do, where more is known than what the reason says. */
  readonly todo?: string;
} & (
  | { readonly reason: 'broker_unreachable'; readonly proxyError: ProxyError }
  | { readonly reason: 'broker_blocked' | 'queue_down' }
  | {
      readonly reason: 'broker_refused' | 'exchange_missing';
      /** Whether the broker refused the ping of this guest, and may take those of others. */
      readonly isOfGuest?: boolean;
    }
  | {
      readonly reason: 'queue_missing';
      /** Where the guest has a queue, which is not bound to our exchange. */
      readonly queue?: QueueCounts;
    }
  | {
      readonly reason: 'no_consumer' | 'no_reply';
      /** The guest's queue; undefined where the broker did not say. */
      readonly queue: QueueCounts | undefined;
    }
  | {
      readonly reason: 'guest_error';
      readonly roundTripMs: number;
      /** For the log alone. */
      readonly traceback: string;
    }
  | { readonly reason: 'key_mismatch' | 'bad_reply'; readonly roundTripMs: number }
);

export type PingResult = Reachable | Unreachable;
