import type { Deadline } from '../time/deadline.ts';
import type { Hops } from '../time/hops.ts';
import { SecureSerializer } from './secure-serializer.ts';

/** Looks up an instance's RPC key where keys are kept. @returns undefined when there is none */
export type KeyLookup = (instanceId: string, deadline: Deadline) => Promise<string | undefined>;

/** How long a guest is remembered to have no key, so that a plaintext fleet does not pay for each ping. */
const ABSENCE_MS = 60_000;

interface Known {
  /** With the guest's key; undefined: the guest has none. */
  readonly serializer: SecureSerializer | undefined;
  readonly until: number;
}

/**
 * The RPC keys of the guests, as far as they are known. A key is remembered for as long as the execution environment
 * lives, its absence for a minute. A look-up that fails is an error, never "no key".
 */
export class GuestKeys {
  readonly #lookup: KeyLookup;
  readonly #known = new Map<string, Known>();

  constructor(lookup: KeyLookup) {
    this.#lookup = lookup;
  }

  /**
   * @param hops gets the look-up as `key`, where there is one
   * @returns the serializer with the guest's key; undefined: the guest has none
   * @throws what the look-up throws
   */
  async serializer(
    instanceId: string,
    deadline: Deadline,
    hops?: Hops,
  ): Promise<SecureSerializer | undefined> {
    const known = this.#known.get(instanceId);
    if (known !== undefined && Date.now() < known.until) return known.serializer;
    return this.renewedSerializer(instanceId, deadline, hops);
  }

  /** Looks the key up again. @returns the same serializer unless the key has changed @throws as {@link serializer} */
  async renewedSerializer(
    instanceId: string,
    deadline: Deadline,
    hops?: Hops,
  ): Promise<SecureSerializer | undefined> {
    const lookup = this.#lookup(instanceId, deadline);
    const key = await (hops?.time('key', lookup) ?? lookup);
    const serializer = key === undefined ? undefined : this.#withKey(instanceId, key.trim()); // of the end of a line
    const until = serializer === undefined ? Date.now() + ABSENCE_MS : Number.POSITIVE_INFINITY;
    this.#known.set(instanceId, { serializer, until });
    return serializer;
  }

  #withKey(instanceId: string, key: string): SecureSerializer {
    const known = this.#known.get(instanceId)?.serializer;
    return known?.isOfKey(key) ? known : new SecureSerializer(key);
  }
}
