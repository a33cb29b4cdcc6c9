import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

/** One route of the API, with API Gateway's `{parameters}` in its path. */
export interface Route {
  readonly method: string;
  readonly path: string;
}

/** The part of an event that the gateway's callers read. */
export interface ProxyEvent {
  readonly [name: string]: unknown;
  readonly pathParameters?: Readonly<Record<string, string>>;
}

/** Makes the event of a request. @param parameters of the path; undefined where the request is not of the route */
export type ToEvent = (
  request: IncomingMessage,
  route: Route,
  parameters: Readonly<Record<string, string>> | undefined,
) => ProxyEvent;

export interface GatewayOptions {
  /** The wanted port; a free one is taken instead where that is in use, or 0 (the default). */
  readonly port?: number;
  /** Answered before the API is asked. */
  readonly page?: Page | undefined;
  /** By default that of an HTTP API, payload format 2.0. */
  readonly toEvent?: ToEvent;
}

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

  static async listen(
    route: Route,
    invoke: (event: ProxyEvent) => Promise<unknown>,
    { port = 0, page, toEvent = httpApiEvent }: GatewayOptions = {},
  ): Promise<Gateway> {
    const server = createServer((request, response) => {
      if (!isForLocalhost(request)) return response.writeHead(421).end();
      if (page && request.method === 'GET' && target(request).pathname === page.path)
        return show(response, page);
      return respond(response, () => invoke(toEvent(request, route, match(request, route))));
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
    return `http://127.0.0.1:${this.port}`; // on `localhost`, another server may have the other address
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
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

async function respond(response: ServerResponse, invoke: () => Promise<unknown>): Promise<void> {
  try {
    const result = (await invoke()) as APIGatewayProxyStructuredResultV2;
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
function httpApiEvent(
  request: IncomingMessage,
  route: Route,
  pathParameters: Readonly<Record<string, string>> | undefined,
): ProxyEvent {
  const { pathname, search } = target(request);
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

function target(request: IncomingMessage): URL {
  return new URL(`http://localhost${request.url ?? '/'}`);
}

/** Not so for a page of another site, whose name has been pointed at this machine. */
function isForLocalhost({ headers: { host } }: IncomingMessage): boolean {
  return /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host ?? '');
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
