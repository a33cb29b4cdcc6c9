import { LambdaClient } from '@aws-sdk/client-lambda';
import aws4 from 'aws4';
import type { Sign } from './run.ts';

/** Signs calls of API Gateway (SigV4), with the credentials and for the region that the SDKs find on this machine. */
export async function signer(): Promise<Sign> {
  const { config } = new LambdaClient({});
  const [region, credentials] = [await config.region(), await config.credentials()];
  return async (method, { host, pathname, search }, headers) => {
    const request = {
      service: 'execute-api',
      region,
      method,
      host,
      path: pathname + search,
      headers: { ...headers },
    };
    const signed = aws4.sign(request, credentials).headers ?? {};
    return Object.fromEntries(Object.entries(signed).map(([name, value]) => [name, String(value)]));
  };
}
