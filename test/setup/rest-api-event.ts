import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { GatewayOptions } from '../../infra/local/parts/gateway.ts';

/** The event of a REST API's proxy integration, payload format 1.0. */
export const restApiEvent: NonNullable<GatewayOptions['toEvent']> = (request, match) => {
  const { pathname, searchParams } = new URL(`http://localhost${request.url ?? '/'}`);
  const resource = match?.path ?? '/{proxy+}';
  return {
    resource,
    path: pathname,
    httpMethod: request.method,
    headers: Object.fromEntries(headerPairs(request)),
    multiValueHeaders: multiValueHeaders(request),
    queryStringParameters: searchParams.size > 0 ? Object.fromEntries(searchParams) : null,
    multiValueQueryStringParameters: null,
    pathParameters: match?.parameters ?? { proxy: pathname.slice(1) },
    stageVariables: null,
    requestContext: {
      httpMethod: request.method,
      path: pathname,
      requestId: randomUUID(),
      resourcePath: resource,
      stage: 'local',
    },
    body: null,
    isBase64Encoded: false,
  };
};

/** Names and values, in the caller's own spelling. */
function headerPairs({ rawHeaders }: IncomingMessage): [string, string][] {
  return Array.from({ length: rawHeaders.length / 2 }, (_, index) => [
    rawHeaders[2 * index] ?? '',
    rawHeaders[2 * index + 1] ?? '',
  ]);
}

function multiValueHeaders(request: IncomingMessage): Record<string, string[]> {
  const all: Record<string, string[]> = {};
  for (const [name, value] of headerPairs(request)) all[name] = [...(all[name] ?? []), value];
  return all;
}
