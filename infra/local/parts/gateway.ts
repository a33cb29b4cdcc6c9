import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

/** One route of the API, with API Gateway's `{parameters}` in its path. */
export interface Route {
  readonly method: string;
  readonly path: string;
}

/** API Gateway's format of events: 2.0 is an HTTP API's, 1.0 a REST API's. */
export type PayloadVersion = '2.0' | '1.0';

/** The part of an event that the gateway's callers read. */
export interface ProxyEvent {
  readonly [name: string]: unknown;
  readonly pathParameters?: Readonly<Record<string, string>>;
}

export type Invoke = (event: ProxyEvent) => Promise<unknown>;

/** Something that a browser may look at beside the API, made anew for each request. */
export interface Page {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: () => Promise<string>;
}

/**
 * API Gateway on localhost: turns HTTP requests into events and the function's results into responses. Why no
 * ready-made runner: serverless-offline needs the Serverless Framework 4 and its licence, lambda-local has no HTTP side
 * and was last released in 2024, AWS SAM and the runtime interface emulator need Docker, and aws-lambda-ric compiles
 * C++ during its installation.
 */
export class Gateway {
  readonly #server: Server;

  /**
   * @param port the wanted port; the gateway listens on a free one instead where that is in use, or 0
   * @param pages answered before the API is asked
   */
  static async listen(
    port: number,
    route: Route,
    invoke: Invoke,
    version: PayloadVersion = '2.0',
    pages: readonly Page[] = [],
  ): Promise<Gateway> {
    const server = createServer((request, response) => {
      const page = pages.find(({ path }) => request.method === 'GET' && target(request).pathname === path);
      return page ? show(response, page) : respond(request, response, route, invoke, version);
    });
    await listen(server, port).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error;
      await listen(server, 0);
    });
    return new Gateway(server);
  }

  private constructor(server: Server) {
    this.#server = server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, 'localhost');
  await once(server, 'listening');
}

async function show(response: ServerResponse, { headers, body }: Page): Promise<void> {
  try {
    const text = await body();
    response.writeHead(200, headers).end(text);
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  route: Route,
  invoke: Invoke,
  version: PayloadVersion,
): Promise<void> {
  try {
    const event = (version === '2.0' ? httpApiEvent : restApiEvent)(request, route);
    const result = (await invoke(event)) as APIGatewayProxyStructuredResultV2;
    response.writeHead(result.statusCode ?? 200, { ...result.headers } as Record<string, string>);
    response.end(result.body);
  } catch (error) {
    console.error(error);
    // API Gateway's own answer when a function fails:
    response.writeHead(500, { 'Content-Type': 'application/json' });
    response.end('{"message":"Internal Server Error"}');
  }
}

/** The event of an HTTP API, payload format 2.0. */
function httpApiEvent(request: IncomingMessage, route: Route): ProxyEvent {
  const { pathname, search } = target(request);
  const pathParameters = match(request, route);
  const routeKey = pathParameters ? `${route.method} ${route.path}` : '$default';
  return {
    version: '2.0',
    routeKey,
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers: request.headers,
    requestContext: {
      http: {
        method: request.method,
        path: pathname,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: '',
      },
      requestId: randomUUID(),
      routeKey,
      stage: '$default',
    },
    ...(pathParameters && { pathParameters }),
    isBase64Encoded: false,
  };
}

/** The event of a REST API's proxy integration, payload format 1.0. */
function restApiEvent(request: IncomingMessage, route: Route): ProxyEvent {
  const { pathname } = target(request);
  const pathParameters = match(request, route);
  const resource = pathParameters ? route.path : '/{proxy+}';
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
}

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

function target(request: IncomingMessage): URL {
  return new URL(`http://localhost${request.url ?? '/'}`);
}

/** The path's parameters; undefined where method or path is not the route's. */
function match(request: IncomingMessage, { method, path }: Route): Record<string, string> | undefined {
  if (request.method !== method) return undefined;
  const [wanted, actual] = [path.split('/'), target(request).pathname.split('/')];
  if (wanted.length !== actual.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const text = decoded(actual[index] ?? '');
    if (segment.startsWith('{') && text !== '') parameters[segment.slice(1, -1)] = text;
    else if (segment !== text) return undefined;
  }
  return parameters;
}

/** The text without percent-encoding; unchanged where that is malformed. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
