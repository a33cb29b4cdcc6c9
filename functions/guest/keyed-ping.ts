import type { GuestKeys } from './guest-keys.ts';
import type { PingResult } from './ping.ts';
import { SecureSerializer } from './secure-serializer.ts';

/** What looking up a key may take of a ping's time. */
const KEY_SHARE = 0.8;

/**
 * Pings a guest with its key, if it has one. When the key turns out to be another, it is looked up again, and if
 * it has changed, the guest is pinged once more.
 *
 * @param deadline until when it may take, in the milliseconds of `performance.now()`
 * @throws what the first look-up or `ping` throws
 */
export async function pingWithKey(
  keys: GuestKeys,
  instanceId: string,
  deadline: number,
  ping: (serializer: SecureSerializer | undefined) => Promise<PingResult>,
): Promise<PingResult> {
  const timeLeftMs = () => deadline - performance.now();
  const key = await keys.get(instanceId, KEY_SHARE * timeLeftMs());
  const result = await ping(serializerOf(key));
  if (result.reachable || result.reason !== 'key_mismatch') return result;
  const renewed = await keys.renew(instanceId, timeLeftMs()).catch(() => key);
  const isWorthwhile = renewed !== key && timeLeftMs() > 0;
  return isWorthwhile ? ping(serializerOf(renewed)) : result;
}

function serializerOf(key: string | undefined): SecureSerializer | undefined {
  return key === undefined ? undefined : new SecureSerializer(key);
}
