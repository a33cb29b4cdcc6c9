import type { Deadline } from '../time/deadline.ts';

/** Looks up an instance's RPC key where keys are kept. @returns undefined when there is none */
export type KeyLookup = (instanceId: string, deadline: Deadline) => Promise<string | undefined>;

/** How long a guest is remembered to have no key, so that a plaintext fleet does not pay for each ping. */
const ABSENCE_MS = 60_000;

interface Known {
  readonly key: string | undefined;
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

  /** @throws what the look-up throws */
  async get(instanceId: string, deadline: Deadline): Promise<string | undefined> {
    const known = this.#known.get(instanceId);
    if (known !== undefined && Date.now() < known.until) return known.key;
    return this.renew(instanceId, deadline);
  }

  /** Looks the key up again: it may have changed. @throws as {@link get} */
  async renew(instanceId: string, deadline: Deadline): Promise<string | undefined> {
    const key = await this.#lookup(instanceId, deadline);
    const until = key === undefined ? Date.now() + ABSENCE_MS : Number.POSITIVE_INFINITY;
    this.#known.set(instanceId, { key, until });
    return key;
  }
}
