import type { Deadline } from '../time/deadline.ts';
import type { Hops } from '../time/hops.ts';
import type { BrokerAddress, BrokerCredentials, BrokerEndpoint } from './address.ts';

/** A broker, of which the login may still be looked up. */
export interface FoundBroker extends BrokerEndpoint {
  readonly vhost: string;
  readonly login: Promise<BrokerCredentials>;
}

/** Finds the broker, and as whom to log in. `hops` gets what had to be asked for: `secret`, `describe_broker`. */
export interface BrokerLocator {
  /** @throws where the broker cannot be looked up; the promise of the login is rejected where that cannot */
  find(deadline: Deadline, hops?: Hops): Promise<FoundBroker>;

  /**
   * Looks the login up again after the broker has refused it.
   *
   * @returns undefined when the login is what it was
   * @throws where the login cannot be looked up
   */
  renewed(refused: FoundBroker, deadline: Deadline, hops?: Hops): Promise<FoundBroker | undefined>;

  /** Amazon MQ's state of the broker, such as `REBOOT_IN_PROGRESS`; undefined where none is known in time. */
  state(deadline: Deadline, hops?: Hops): Promise<string | undefined>;
}

/** A broker whose whole address is configured, for local use. */
export function fixedLocator({ username, password, ...place }: BrokerAddress): BrokerLocator {
  const login = Promise.resolve({ username, password });
  const find = async () => ({ ...place, login });
  return { find, renewed: async () => undefined, state: async () => undefined };
}

/** The share of the time that look-ups may take, so that their failure is reported as theirs, not as the broker's. */
const LOOK_UP_SHARE = 0.8;

/**
 * Does something with the broker, and once more with a renewed login when the first one was refused: the
 * secret may have been rotated.
 *
 * @param isRefusal whether an error of `attempt` says that the login was refused
 * @throws what `attempt` or the locator throws
 */
export async function withLogin<T>(
  locator: BrokerLocator,
  deadline: Deadline,
  attempt: (broker: FoundBroker) => Promise<T>,
  isRefusal: (error: unknown) => boolean,
  hops?: Hops,
): Promise<T> {
  const found = await locator.find(deadline.share(LOOK_UP_SHARE), hops);
  try {
    return await attempt(found);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const renewed = await locator.renewed(found, deadline.share(LOOK_UP_SHARE), hops);
    if (renewed === undefined) throw error;
    return attempt(renewed);
  }
}
