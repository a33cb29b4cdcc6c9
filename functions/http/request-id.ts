import type { Context } from 'aws-lambda';
import { type GatewayEvent, header } from './request.ts';

/** The header in which OpenStack's APIs name a request, as Trove's since 25.0.0. */
const HEADER = 'X-OpenStack-Request-Id';

/** `req-<uuid>`, OpenStack's form of a request id, made of Lambda's. */
export function requestId({ awsRequestId }: Pick<Context, 'awsRequestId'>): string {
  return `req-${awsRequestId}`;
}

/** The header that every answer has. */
export function requestIdHeader(lambda: Pick<Context, 'awsRequestId'>): Record<string, string> {
  return { [HEADER]: requestId(lambda) };
}

/** The id of the request for which the caller asks, `global_request_id` in OpenStack; undefined where it is none. */
export function globalRequestId(event: GatewayEvent): string | undefined {
  const id = header(event, HEADER.toLowerCase());
  return id !== undefined && /^req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : undefined;
}
