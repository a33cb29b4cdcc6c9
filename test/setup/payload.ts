import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { GatewayOptions } from '../../infra/local/parts/gateway.ts';

// API Gateway's formats of events: 2.0 is an HTTP API's, 1.0 a REST API's. Each test of a call runs over both: over 1.0 in
// Jest's project `rest`, those of interop and faults in the matrix.

const isRest = () => process.env['TEST_PAYLOAD'] === '1.0';

/** Those of a gateway that makes events of the format of this run. */
export function gatewayOptions(): GatewayOptions {
  return isRest() ? { toEvent: restApiEvent } : {};
}

/** What an event of this run's format says of a route. */
export function routeOf({ method, path }: { readonly method: string; readonly path: string }): object {
  return isRest() ? { httpMethod: method, resource: path } : { routeKey: `${method} ${path}` };
}

/** The event of a REST API's proxy integration. */
const restApiEvent: NonNullable<GatewayOptions['toEvent']> = (request, match) => {
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
