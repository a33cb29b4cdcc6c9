import { Lambda } from '@aws-sdk/client-lambda';
import aws4 from 'aws4';
import { ROUTE } from '../../functions/http/request.ts';
import { type HttpAnswer, send } from '../../functions/http-client.ts';
import { asking, explained } from '../terminal/aws-error.ts';

/** The HTTP answer to a ping, or why none came. */
export type PingAnswer = HttpAnswer | { readonly status: undefined; readonly problem: string };

/** Longer than API Gateway's own limit of 30 seconds. */
const TIMEOUT_MS = 35_000;

/** The tenant in the path where no project is named; without Keystone nothing depends on it. */
const TENANT = 'smoke';

/**
 * Sends one ping, signed (SigV4) with the credentials and for the region that the SDKs find on this machine, and with
 * the Keystone token in `OS_TOKEN` for the project `OS_PROJECT_ID`, the variables of OpenStack's own command line, for an API
 * that Keystone guards.
 *
 * @param url of the API, without a slash at the end
 * @throws Error where there are no credentials or no region
 */
export async function signedPing(url: string, instanceId: string): Promise<PingAnswer> {
  const target = pingUrl(url, instanceId);
  return ping(target, await asking('The ping cannot be signed', signatureOf(target)));
}

/** Sends one ping without signature or token. @param url of the API, without a slash at the end */
export function unsignedPing(url: string, instanceId: string): Promise<PingAnswer> {
  return ping(pingUrl(url, instanceId), {});
}

function pingUrl(url: string, instanceId: string): URL {
  const tenant = encodeURIComponent(process.env['OS_PROJECT_ID'] || TENANT);
  const path = ROUTE.path.replace('{tenant_id}', tenant).replace('{instance_id}', instanceId);
  return new URL(url + path);
}

async function ping(target: URL, headers: Record<string, string>): Promise<PingAnswer> {
  try {
    return await send(target, { method: ROUTE.method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    return { status: undefined, problem: explained('no answer', Object(error)) };
  }
}

/** The headers that make up the signature, and the token. */
async function signatureOf({ host, pathname: path }: URL): Promise<Record<string, string>> {
  const { config } = new Lambda({});
  const { OS_TOKEN: token } = process.env;
  const request = {
    service: 'execute-api',
    region: await config.region(),
    method: ROUTE.method,
    host,
    path,
    headers: token ? { 'X-Auth-Token': token } : {},
  };
  const { headers } = aws4.sign(request, await config.credentials());
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}
