import type { Deadline } from '../time/deadline.ts';
import type { Hops } from '../time/hops.ts';
import type { GuestKeys } from './guest-keys.ts';
import type { PingResult } from './ping-result.ts';
import type { SecureSerializer } from './secure-serializer.ts';

/** What looking up a key may take of a ping's time. */
const KEY_SHARE = 0.8;

/** @param serializer of a guest that has a key */
type PingOnce = (serializer: SecureSerializer | undefined) => Promise<PingResult>;

/**
 * Pings a guest with its key, if the guest has one; where no keys are kept, none has. When the guest turns out to have
 * another key, the key is looked up again, and if that key has changed, the guest is pinged once more.
 *
 * @throws what the first look-up or `ping` throws
 */
export async function pingWithKey(
  keys: GuestKeys | undefined,
  instanceId: string,
  deadline: Deadline,
  ping: PingOnce,
  hops?: Hops,
): Promise<PingResult> {
  if (keys === undefined) return ping(undefined);
  const serializer = await keys.serializer(instanceId, deadline.share(KEY_SHARE), hops);
  const result = await ping(serializer);
  if (result.reachable || result.reason !== 'key_mismatch') return result;
  const startMs = performance.now();
  const renewed = await keys.renewedSerializer(instanceId, deadline).catch(() => serializer);
  hops?.addBeforeLast('key', performance.now() - startMs);
  const isWorthwhile = renewed !== serializer && !deadline.isOver;
  return isWorthwhile ? ping(renewed) : result;
}
