/**
 * Why a guest could not be pinged: a closed set. These strings are the interface of logs, metrics and alarms.
 * `broker_*` and `exchange_missing` speak of the way to the guest, the others of the guest.
 */
export const REASONS = [
  'broker_unreachable',
  'broker_refused',
  'broker_blocked',
  'exchange_missing',
  'queue_missing',
  'no_consumer',
  'no_reply',
  'guest_error',
  'key_mismatch',
  'bad_reply',
] as const;

export type Reason = (typeof REASONS)[number];
