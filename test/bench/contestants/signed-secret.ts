import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { sign } from 'aws4';

/** Reads the broker's credentials from Secrets Manager by one signed request, in the shortest way. */
export async function readCredentials(secretId: string): Promise<{ username: string; password: string }> {
  const { AWS_REGION: region = '', AWS_ENDPOINT_URL_SECRETS_MANAGER: redirected } = process.env;
  const url = new URL(redirected ?? `https://secretsmanager.${region}.amazonaws.com`);
  const body = JSON.stringify({ SecretId: secretId });
  const headers = {
    'Content-Type': 'application/x-amz-json-1.1',
    'X-Amz-Target': 'secretsmanager.GetSecretValue',
  };
  const signed = sign({
    host: url.host,
    method: 'POST',
    path: '/',
    service: 'secretsmanager',
    region,
    headers,
    body,
  });
  const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const outgoing = send(url, { method: 'POST', headers: signed.headers as Record<string, string> });
  outgoing.on('error', reject).on('response', async (response) => {
    resolve((await response.setEncoding('utf8').toArray()).join(''));
  });
  outgoing.end(body);
  return JSON.parse(JSON.parse(await promise).SecretString);
}
