import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { ROUTE } from '../../../functions/http/request.ts';

/** The path's parameters; undefined where the request is not of the route. */
export type PathParameters = Readonly<Record<string, string>> | undefined;

export interface GatewayOptions {
  /** The wanted port; a free one is taken instead where that is in use, or 0 (the default). */
  readonly port?: number;
  /** Another path, for browsers: `GET` alone. */
  readonly page?: Page;
  /** Makes the event of a request; by default that of an HTTP API, payload format 2.0. */
  readonly toEvent?: (request: IncomingMessage, parameters: PathParameters) => object;
}

export interface Page {
  readonly path: string;
  readonly show: () => Promise<APIGatewayProxyStructuredResultV2>;
}

const PATTERN = new URLPattern({ pathname: ROUTE.path.replaceAll(/\{(\w+)\}/g, ':$1') });

/**
 * API Gateway on localhost: turns HTTP requests into events and the function's results into responses. Why no
 * ready-made runner: serverless-offline needs the Serverless Framework 4 and its licence, lambda-local has no HTTP side
 * and was last released in 2024, AWS SAM and the runtime interface emulator need Docker, and aws-lambda-ric compiles
 * C++ during its installation.
 */
export class Gateway {
  readonly #server: Server;

  static async listen(
    invoke: (event: object) => Promise<unknown>,
    { port = 0, page, toEvent = httpApiEvent }: GatewayOptions = {},
  ): Promise<Gateway> {
    const server = createServer((request, response) => {
      if (!isForLocalhost(request)) return response.writeHead(421).end();
      return respond(response, async () => {
        const isPage = request.method === 'GET' && target(request).pathname === page?.path;
        return isPage && page ? page.show() : invoke(toEvent(request, match(request)));
      });
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

async function respond(response: ServerResponse, invoke: () => Promise<unknown>): Promise<void> {
  try {
    const result = (await invoke()) as APIGatewayProxyStructuredResultV2;
    const headers = { 'Content-Length': String(Buffer.byteLength(result.body ?? '')), ...result.headers };
    response.writeHead(result.statusCode ?? 200, headers as Record<string, string>);
    response.end(result.body);
  } catch (error) {
    console.error(error);
    // API Gateway's own answer when a function fails:
    response.writeHead(500, { 'Content-Type': 'application/json' });
    response.end('{"message":"Internal Server Error"}');
  }
}

/** What is read of an HTTP API's event. */
function httpApiEvent(request: IncomingMessage, pathParameters: PathParameters): object {
  return {
    version: '2.0',
    routeKey: pathParameters ? `${ROUTE.method} ${ROUTE.path}` : '$default',
    rawPath: target(request).pathname,
    headers: request.headers,
    ...(pathParameters && { pathParameters }),
  };
}

function target(request: IncomingMessage): URL {
  return new URL(`http://localhost${request.url ?? '/'}`);
}

/** Not so for a page of another site, whose name has been pointed at this machine. */
function isForLocalhost({ headers: { host } }: IncomingMessage): boolean {
  return /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host ?? '');
}

function match(request: IncomingMessage): PathParameters {
  const found = request.method === ROUTE.method ? PATTERN.exec(target(request)) : null;
  const entries = Object.entries(found?.pathname.groups ?? {});
  return found ? Object.fromEntries(entries.map(([name, text = '']) => [name, decoded(text)])) : undefined;
}

/** The text without percent-encoding; unchanged where that is malformed. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
