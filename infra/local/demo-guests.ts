import { guestFault } from '../../functions/guest/fault.ts';
import type { GuestBehaviour, TroveGuests } from './trove-guests.ts';

/** A guest of the demo: one way in which a guest can be, and the answer that a ping of it gets. */
export interface DemoGuest {
  readonly id: string;
  readonly title: string;
  /** undefined: it never existed. */
  readonly behaviour?: GuestBehaviour;
  /** It was started, then shut down. */
  readonly isShutDown?: boolean;
  readonly answer: string;
}

/** @param timeoutSeconds the configured wait for a pong */
export function demoGuests(timeoutSeconds: number): DemoGuest[] {
  const slow = Math.min(3, timeoutSeconds / 2);
  return [
    { id: demoId(1), title: 'answers at once', behaviour: {}, answer: '204' },
    {
      id: demoId(2),
      title: `answers after ${slow} s`,
      behaviour: { delay: slow },
      answer: `204 after ${slow} s`,
    },
    {
      id: demoId(3),
      title: 'raises an exception',
      behaviour: { raise: 'foreign' },
      answer: `400 ${guestFault('boom docker').message}`,
    },
    { id: demoId(4), title: 'never existed', answer: '400 at once: no queue is bound for the guest' },
    {
      id: demoId(5),
      title: 'is connected but silent',
      behaviour: { delay: 86_400 },
      answer: `400 after ${timeoutSeconds} s: Timeout while waiting on RPC response`,
    },
    {
      id: demoId(6),
      title: 'is shut down',
      behaviour: {},
      isShutDown: true,
      answer: `400 after ${timeoutSeconds} s: Timeout while waiting on RPC response`,
    },
  ];
}

export async function startDemoGuests(host: TroveGuests, guests: readonly DemoGuest[]): Promise<void> {
  for (const { id, behaviour, isShutDown } of guests) {
    if (behaviour) await host.start(id, behaviour);
    if (isShutDown) await host.stop(id);
  }
}

function demoId(number: number): string {
  return `00000000-0000-4000-8000-00000000000${number}`;
}
