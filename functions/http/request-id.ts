import type { Context } from 'aws-lambda';
import type { CallerContext } from './caller.ts';
import { type GatewayEvent, header } from './request.ts';

/** The header in which OpenStack's APIs name a request, as Trove's since 25.0.0. */
const HEADER = 'X-OpenStack-Request-Id';
const LOWER_CASE = HEADER.toLowerCase();

/** `req-<uuid>`, OpenStack's form of a request id, made of Lambda's. */
export function requestId({ awsRequestId }: Pick<Context, 'awsRequestId'>): string {
  return `req-${awsRequestId}`;
}

/** The headers that every answer has: where its time went, as far as that is known, and the request's id. */
export function commonHeaders(
  lambda: Pick<CallerContext, 'awsRequestId' | 'hops'>,
): Readonly<Record<string, string>> {
  return { ...lambda.hops?.header, [HEADER]: requestId(lambda) };
}

/** The id of the request for which the caller asks, `global_request_id` in OpenStack; undefined where it is none. */
export function globalRequestId(event: GatewayEvent): string | undefined {
  const id = header(event, LOWER_CASE);
  return id !== undefined && /^req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : undefined;
}
