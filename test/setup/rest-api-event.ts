import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ROUTE } from '../../functions/http/request.ts';
import type { GatewayOptions } from '../../infra/local/parts/gateway.ts';

/** The event of a REST API's proxy integration, payload format 1.0. */
export const restApiEvent: NonNullable<GatewayOptions['toEvent']> = (request, pathParameters) => {
  const { pathname } = new URL(`http://localhost${request.url ?? '/'}`);
  const resource = pathParameters ? ROUTE.path : '/{proxy+}';
  return {
    resource,
    path: pathname,
    httpMethod: request.method,
    headers: Object.fromEntries(headerPairs(request)),
    multiValueHeaders: multiValueHeaders(request),
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
    pathParameters: pathParameters ?? { proxy: pathname.slice(1) },
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
