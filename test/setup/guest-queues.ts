import type { GuestQueues } from '../../infra/local/parts/trove-guests.ts';

/** What the guests' queues are in this run, responders' included; the matrix (`npm run test:matrix`) tries each. */
export const GUEST_QUEUES = guestQueues(process.env['TEST_GUEST_QUEUES']);

/** How a responder declares what a guest declares, so that both can share a control exchange. */
export const EXCHANGE_OPTIONS = { durable: GUEST_QUEUES !== 'transient' };
export const QUEUE_OPTIONS = {
  ...EXCHANGE_OPTIONS,
  ...(GUEST_QUEUES === 'quorum' && { arguments: { 'x-queue-type': 'quorum' } }),
};
/** Of thousands of responders: classic queues, since a broker takes minutes to make as many quorum queues. */
export const CROWD_QUEUE_OPTIONS = EXCHANGE_OPTIONS;

function guestQueues(text = 'transient'): GuestQueues {
  if (text === 'transient' || text === 'durable' || text === 'quorum') return text;
  throw new Error(`TEST_GUEST_QUEUES is transient, durable or quorum, not ${text}`);
}
