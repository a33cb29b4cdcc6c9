import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { FLEET_ROUTES } from '../../../functions/http/fleet-request.ts';
import { ROUTE } from '../../../functions/http/request.ts';

/** The route of a request, as API Gateway writes it, and the parameters in the path. */
export interface Match {
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
}

type Invoke = (event: object) => Promise<unknown>;

export interface GatewayOptions {
  /** The wanted port; a free one is taken instead where that is in use, or 0 (the default). */
  readonly port?: number;
  /** The function of the fleet's routes; by default these are none. */
  readonly fleet?: Invoke;
  /** What browsers get for a path, in place of a function's answer; undefined: no page. */
  readonly page?: Page;
  /** Makes the event of a request; by default that of an HTTP API, payload format 2.0. */
  readonly toEvent?: (request: IncomingMessage, match: Match | undefined) => object;
}

export interface Page {
  readonly isAt: (pathname: string) => boolean;
  readonly show: (pathname: string) => Promise<APIGatewayProxyStructuredResultV2>;
}

/** A static part of a path comes before a parameter. */
const ROUTES = [ROUTE.path, ...Object.values(FLEET_ROUTES)].map((path) => ({
  path,
  pattern: new URLPattern({ pathname: path.replaceAll(/\{(\w+)\}/g, ':$1') }),
}));

/**
 * API Gateway on localhost: turns HTTP requests into events and the function's results into responses. Why no
 * ready-made runner: serverless-offline needs the Serverless Framework 4 and its licence, lambda-local has no HTTP side
 * and was last released in 2024, AWS SAM and the runtime interface emulator need Docker, and aws-lambda-ric compiles
 * C++ during its installation.
 */
export class Gateway {
  readonly #server: Server;

  static async listen(
    invoke: Invoke,
    { port = 0, fleet, page, toEvent = httpApiEvent }: GatewayOptions = {},
  ): Promise<Gateway> {
    const server = createServer((request, response) => {
      if (!isForLocalhost(request)) return response.writeHead(421).end();
      return respond(response, async () => {
        const { pathname } = target(request);
        if (page?.isAt(pathname) && isOfBrowser(request)) return page.show(pathname);
        const found = match(request, fleet !== undefined);
        const called = fleet && found && found.path !== ROUTE.path ? fleet : invoke;
        return called(toEvent(request, found));
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
    const body = Buffer.from(result.body ?? '', result.isBase64Encoded ? 'base64' : 'utf8');
    const headers = { 'Content-Length': String(body.length), ...result.headers };
    response.writeHead(result.statusCode ?? 200, headers as Record<string, string>);
    response.end(body);
  } catch (error) {
    console.error(error);
    // API Gateway's own answer when a function fails:
    response.writeHead(500, { 'Content-Type': 'application/json' });
    response.end('{"message":"Internal Server Error"}');
  }
}

function httpApiEvent(request: IncomingMessage, found: Match | undefined): object {
  const { pathname, searchParams } = target(request);
  return {
    version: '2.0',
    routeKey: found ? `${ROUTE.method} ${found.path}` : '$default',
    rawPath: pathname,
    headers: request.headers,
    ...(searchParams.size > 0 && { queryStringParameters: Object.fromEntries(searchParams) }),
    ...(found && { pathParameters: found.parameters }),
  };
}

/** A browser asks for HTML when somebody opens a page. */
function isOfBrowser({ method, headers: { accept = '' } }: IncomingMessage): boolean {
  return method === 'GET' && accept.includes('text/html');
}

function target(request: IncomingMessage): URL {
  return new URL(`http://localhost${request.url ?? '/'}`);
}

/** False for a page of another site whose name leads to this machine (DNS rebinding). */
function isForLocalhost({ headers: { host } }: IncomingMessage): boolean {
  return /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host ?? '');
}

function match(request: IncomingMessage, hasFleet: boolean): Match | undefined {
  if (request.method !== ROUTE.method) return undefined;
  for (const { path, pattern } of hasFleet ? ROUTES : ROUTES.slice(0, 1)) {
    const groups = pattern.exec(target(request))?.pathname.groups;
    if (groups === undefined) continue;
    const entries = Object.entries(groups).map(([name, text = '']) => [name, decoded(text)]);
    return { path, parameters: Object.fromEntries(entries) };
  }
  return undefined;
}

/** The text without percent-encoding; unchanged where that is malformed. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
