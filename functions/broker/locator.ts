import type { Deadline } from '../time/deadline.ts';
import type { Hops } from '../time/hops.ts';
import type { BrokerAddress } from './address.ts';

/** Finds the broker, and as whom to log in. `hops` gets what had to be asked for: `secret`, `describe_broker`. */
export interface BrokerLocator {
  /** @throws where the broker or the login cannot be looked up */
  address(deadline: Deadline, hops?: Hops): Promise<BrokerAddress>;

  /**
   * Looks the login up again after the broker has refused it.
   *
   * @returns undefined when the login is what it was
   * @throws as {@link address}
   */
  renewed(refused: BrokerAddress, deadline: Deadline, hops?: Hops): Promise<BrokerAddress | undefined>;

  /** Amazon MQ's state of the broker, such as `REBOOT_IN_PROGRESS`; undefined where none is known in time. */
  state(deadline: Deadline, hops?: Hops): Promise<string | undefined>;
}

/** A broker whose whole address is configured, for local use. */
export function fixedLocator(address: BrokerAddress): BrokerLocator {
  return { address: async () => address, renewed: async () => undefined, state: async () => undefined };
}

/** The share of the time that look-ups may take, so that their failure is reported as theirs, not as the broker's. */
const LOOK_UP_SHARE = 0.8;

/**
 * Does something with the broker's address, and once more with a renewed login when the first one was refused: the
 * secret may have been rotated.
 *
 * @param isRefusal whether an error of `attempt` says that the login was refused
 * @throws what `attempt` or the locator throws
 */
export async function withLogin<T>(
  locator: BrokerLocator,
  deadline: Deadline,
  attempt: (address: BrokerAddress) => Promise<T>,
  isRefusal: (error: unknown) => boolean,
  hops?: Hops,
): Promise<T> {
  const address = await locator.address(deadline.share(LOOK_UP_SHARE), hops);
  try {
    return await attempt(address);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const renewed = await locator.renewed(address, deadline.share(LOOK_UP_SHARE), hops);
    if (renewed === undefined) throw error;
    return attempt(renewed);
  }
}
