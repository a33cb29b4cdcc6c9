import { sign } from 'aws4';
import type { AwsRequest } from './aws-stand-in.ts';

/** The credentials and the region that IAM accepts. */
export interface Caller {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly region: string;
}

/**
 * Whether IAM would accept a request to API Gateway: signed (SigV4) by this caller, for this region, and at most five
 * minutes ago. The expected signature is made by aws4, which is not the signer under test.
 */
export function isSignedBy(caller: Caller, { method, path, headers }: AwsRequest): boolean {
  const { authorization, 'x-amz-date': date = '', 'x-amz-security-token': token } = headers;
  if (authorization === undefined || token !== caller.sessionToken) return false;
  const [, names = ''] = /SignedHeaders=([^,]+),/.exec(authorization) ?? [];
  const signed = names.split(';').map((name) => [name, headers[name]?.toString()] as const);
  const { accessKeyId, secretAccessKey, sessionToken, region } = caller;
  const mine = sign(
    { method, path, service: 'execute-api', region, headers: Object.fromEntries(signed) },
    { accessKeyId, secretAccessKey, sessionToken },
  );
  const isFresh = Math.abs(Date.now() - timeOf(String(date))) < 300_000;
  return isFresh && mine.headers?.['Authorization'] === authorization;
}

/** Parses a date of SigV4's form, `20261124T155000Z`. */
function timeOf(date: string): number {
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5'));
}
