import { LambdaClient } from '@aws-sdk/client-lambda';
import { SignatureV4 } from '@smithy/signature-v4';
import { ROUTE } from '../../functions/http/request.ts';
import { asking } from './aws-error.ts';

/** The HTTP answer to a ping, or why none came. */
export type PingAnswer = HttpAnswer | NoAnswer;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** No HTTP answer came. */
export interface NoAnswer {
  readonly status: undefined;
  /** The operating system's or TLS's name of the error, e.g. `ENOTFOUND`. */
  readonly code: string;
  readonly message: string;
}

/** Longer than API Gateway's own limit of 30 seconds. */
const TIMEOUT_MS = 35_000;

/** The tenant in the path; nothing depends on it. */
const TENANT = 'smoke';

/**
 * Sends one ping, signed (SigV4) with the credentials and for the region that the SDKs find on this machine, and with
 * the Keystone token in `OS_TOKEN`, the variable of OpenStack's own command line, for an API that Keystone guards.
 *
 * @param url of the API, without a slash at the end
 * @throws AwsError where there are no credentials or no region
 */
export async function signedPing(url: string, instanceId: string): Promise<PingAnswer> {
  const target = pingUrl(url, instanceId);
  return send(target, await asking('The ping cannot be signed', signatureOf(target)));
}

/** Sends one ping without signature or token. @param url of the API, without a slash at the end */
export function unsignedPing(url: string, instanceId: string): Promise<PingAnswer> {
  return send(pingUrl(url, instanceId), []);
}

function pingUrl(url: string, instanceId: string): URL {
  const path = ROUTE.path.replace('{tenant_id}', TENANT).replace('{instance_id}', instanceId);
  return new URL(url + path);
}

async function send(target: URL, headers: [string, string][]): Promise<PingAnswer> {
  try {
    const response = await fetch(target, {
      method: ROUTE.method,
      headers,
      redirect: 'manual', // the signature is for this host
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, headers: response.headers, body: await response.text() };
  } catch (error) {
    return noAnswer(error);
  }
}

/** The headers that make up the signature. */
async function signatureOf({ protocol, host, hostname, port, pathname }: URL): Promise<[string, string][]> {
  const { credentials, region, sha256 } = new LambdaClient({}).config;
  const signer = new SignatureV4({ service: 'execute-api', credentials, region, sha256 });
  const { headers } = await signer.sign({
    method: ROUTE.method,
    protocol,
    hostname,
    ...(port !== '' && { port: Number(port) }),
    path: pathname,
    query: {},
    headers: { host, ...keystoneToken() },
  });
  return Object.entries(headers).filter(([name]) => name !== 'host'); // fetch sends the URL's own
}

function keystoneToken(): Record<string, string> {
  const { OS_TOKEN: token } = process.env;
  return token ? { 'x-auth-token': token } : {};
}

function noAnswer(error: unknown): NoAnswer {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return { status: undefined, code: 'unknown', message: String(cause) };
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
  return { status: undefined, code, message: cause.message };
}
