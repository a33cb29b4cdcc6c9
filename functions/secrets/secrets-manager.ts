import { sign } from 'aws4';
import { CodedError } from '../coded-error.ts';
import { send } from '../http-client.ts';
import { parseJsonObject } from '../json.ts';
import type { Deadline } from '../time/deadline.ts';

/** A secret could not be read. */
export class SecretUnavailable extends CodedError {
  readonly code = 'secret_unavailable';
  override readonly isForDeployer = true;
  /** Secrets Manager's exception, such as `ResourceNotFoundException`, or the error that kept us from asking. */
  readonly exception: string;

  /** @param why in words, where the exception alone stands for several causes */
  constructor(
    secretId: string,
    exception: string,
    { why = '', ...options }: ErrorOptions & { why?: string } = {},
  ) {
    super(`The secret ${secretId} cannot be read: ${exception}${why}`, options);
    this.exception = exception;
  }
}

/** A secret is read in tens of milliseconds, or not at all. */
const MAX_TIMEOUT_MS = 3000;

/**
 * Reads one secret's current string by Secrets Manager's `GetSecretValue`, within 3 s at most. One signed request
 * through Node's own HTTP client: the SDK's client would cost the cold path more than all the rest of the function
 * together. Credentials, region and `AWS_ENDPOINT_URL_SECRETS_MANAGER` are the variables that Lambda and the SDKs use.
 *
 * @throws SecretUnavailable
 */
export async function readSecret(secretId: string, deadline: Deadline): Promise<string> {
  const answer = await getSecretValue(secretId, deadline.within(MAX_TIMEOUT_MS)).catch(
    (error: NodeJS.ErrnoException) => {
      const exception = error.name === 'AbortError' ? 'TimeoutError' : (error.code ?? error.name);
      throw new SecretUnavailable(secretId, exception, { cause: error });
    },
  );
  const { SecretString: secret, __type: type, ...rest } = parseJsonObject(answer) ?? {};
  if (typeof secret === 'string') return secret.replace(/^\uFEFF/, ''); // as some editors begin a file
  const exception = typeof type === 'string' ? type.replace(/^.*#/, '') : 'UnexpectedAnswer';
  throw new SecretUnavailable(secretId, exception, { why: whyOf(rest) });
}

/** Nothing of Secrets Manager's own words is passed on: they name roles and accounts. */
function whyOf({ Message: message, SecretBinary: binary }: Readonly<Record<string, unknown>>): string {
  const [, action] = /not authorized to perform: ([\w:]+)/.exec(String(message)) ?? [];
  if (action !== undefined) return ` for want of ${action}`;
  if (/Access to KMS/.test(String(message))) return ' for want of kms:Decrypt on its key';
  if (/marked for deletion/.test(String(message))) return ': it is marked for deletion';
  return binary === undefined ? '' : ': it is binary, and must be text (SecretString)';
}

/** By what the names of a partition's regions begin with; elsewhere it is amazonaws.com. */
const SUFFIXES: ReadonlyMap<string, string> = new Map([
  ['cn', 'amazonaws.com.cn'],
  ['eusc', 'amazonaws.eu'],
  ['us-iso', 'c2s.ic.gov'],
  ['us-isob', 'sc2s.sgov.gov'],
  ['us-isof', 'csp.hci.ic.gov'],
  ['eu-isoe', 'cloud.adc-e.uk'],
]);

/** Secrets Manager's own address in a region. */
export function secretsManagerUrl(region: string): string {
  const [, partition = ''] = /^(cn|eusc|(?:us|eu)-iso[a-z]?)-/.exec(region) ?? [];
  return `https://secretsmanager.${region}.${SUFFIXES.get(partition) ?? 'amazonaws.com'}`;
}

async function getSecretValue(secretId: string, deadline: Deadline): Promise<string> {
  const { AWS_REGION: region = 'us-east-1', AWS_ENDPOINT_URL_SECRETS_MANAGER: redirected } = process.env;
  const url = new URL(redirected || secretsManagerUrl(region));
  const body = JSON.stringify({ SecretId: secretId });
  const headers = {
    'Content-Type': 'application/x-amz-json-1.1',
    'X-Amz-Target': 'secretsmanager.GetSecretValue',
  };
  const { host } = url;
  const request = { host, method: 'POST', path: '/', service: 'secretsmanager', region, headers, body };
  const { headers: signed = {} } = sign(request);
  return (await send(url, { method: 'POST', headers: signed, signal: deadline.signal() }, body)).text;
}
