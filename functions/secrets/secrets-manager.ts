/** A secret could not be read. `code` is Secrets Manager's exception, or what kept us from asking. */
export class SecretUnavailable extends Error {
  readonly code: string;

  constructor(secretId: string, code: string, options?: ErrorOptions) {
    super(`The secret ${secretId} cannot be read: ${code}`, options);
    this.code = code;
  }
}

/** A secret is read in tens of milliseconds, or not at all. */
const MAX_TIMEOUT_MS = 3000;

/**
 * Reads one secret's current string by Secrets Manager's `GetSecretValue`. One signed request through Node's own
 * HTTP client: the SDK's client would cost the cold path more than all the rest of the function together.
 * Credentials, region and `AWS_ENDPOINT_URL_SECRETS_MANAGER` are the variables that Lambda and the SDKs use.
 *
 * @param timeoutMs how long it may take, in milliseconds; never more than 3 s
 * @throws SecretUnavailable
 */
export async function readSecret(secretId: string, timeoutMs: number): Promise<string> {
  const answer = await getSecretValue(secretId, Math.min(timeoutMs, MAX_TIMEOUT_MS)).catch(
    (error: NodeJS.ErrnoException) => {
      const code = error.name === 'AbortError' ? 'TimeoutError' : (error.code ?? error.name);
      throw new SecretUnavailable(secretId, code, { cause: error });
    },
  );
  const { SecretString: secret, __type: exception } = parseJson(answer);
  if (typeof secret === 'string') return secret;
  const code = typeof exception === 'string' ? exception.replace(/^.*#/, '') : 'UnexpectedAnswer';
  throw new SecretUnavailable(secretId, code);
}

async function getSecretValue(secretId: string, timeoutMs: number): Promise<string> {
  const { AWS_REGION: region = 'us-east-1', AWS_ENDPOINT_URL_SECRETS_MANAGER: redirected } = process.env;
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = new URL(redirected || `https://secretsmanager.${region}.${suffix}`);
  const body = JSON.stringify({ SecretId: secretId });
  const headers = {
    'Content-Type': 'application/x-amz-json-1.1',
    'X-Amz-Target': 'secretsmanager.GetSecretValue',
  };
  const request = {
    host: url.host,
    method: 'POST',
    path: '/',
    service: 'secretsmanager',
    region,
    headers,
    body,
  };
  // Loaded when called, and not by import(), which reads each name that node:http exports, WebSocket's whole library too.
  const { request: send } = process.getBuiltinModule(url.protocol === 'http:' ? 'node:http' : 'node:https');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { sign } = await import('aws4'); // not before it is used: with BROKER_URL, it never is
  const signed = sign(request);
  const outgoing = send(url, {
    method: 'POST',
    headers: signed.headers as Record<string, string>,
    signal: AbortSignal.timeout(Math.max(0, Math.floor(timeoutMs))),
  });
  outgoing.on('error', reject);
  outgoing.on('response', async (response) => {
    try {
      resolve((await response.setEncoding('utf8').toArray()).join(''));
    } catch (error) {
      reject(error);
    }
  });
  outgoing.end(body);
  return promise;
}

function parseJson(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
