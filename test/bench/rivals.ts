import { join } from 'node:path';
import { type Command, Contestant } from './contestant.ts';

const CONTESTANTS = join(import.meta.dirname, 'contestants');

/**
 * A script on oslo.messaging's client, in Python.
 *
 * @param key for a guest whose RPC is encrypted
 */
export function osloClient(brokerUrl: string, first: Command, key?: string): Contestant {
  return new Contestant(
    '/usr/bin/python3',
    [join(CONTESTANTS, 'oslo_client.py'), brokerUrl, JSON.stringify(first)],
    {
      LANG: 'C.UTF-8',
      ...(key === undefined ? {} : { KEY: key }),
    },
  );
}

/**
 * A client of an HTTP API, be it Trove's or the local gateway's.
 *
 * @param caller a Keystone token and its project; by default a token that nobody checks
 */
export function httpClient(
  url: string,
  first: Command,
  caller: { readonly token: string; readonly tenant: string } = { token: 'token', tenant: 'tenant' },
): Contestant {
  const args = [join(CONTESTANTS, 'http-client.ts'), url, JSON.stringify(first)];
  return new Contestant(process.execPath, args, { TOKEN: caller.token, TENANT: caller.tenant });
}
