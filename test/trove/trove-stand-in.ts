import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** A row of Trove's table of instances, as far as a page depends on it. */
export interface Row {
  readonly id: string;
  readonly name?: string;
  readonly status?: string;
  updated: number;
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Keystone's and Trove's answers on one port. The pages are those of Trove 2026.2 and later: offsets in the descending order of
 * the last update. With the other answers it does what no real Trove could be made to do.
 */
export class TroveStandIn {
  readonly rows: Row[] = [];
  /** The paths of what Trove was asked for. */
  readonly requests: string[] = [];
  /** How many tokens Keystone gave. */
  tokens = 0;
  /** Called before each page. */
  beforePage: () => void = () => undefined;
  /** What Keystone and Trove answer. */
  keystone: Handle = (request, response) => this.#giveToken(request, response);
  trove: Handle = (request, response) => this.#answerPage(request, response);
  readonly #server: Server;

  static async start(): Promise<TroveStandIn> {
    const standIn = new TroveStandIn();
    standIn.#server.listen(0, '127.0.0.1');
    await once(standIn.#server, 'listening');
    return standIn;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      if (request.url?.startsWith('/v3')) return this.keystone(request, response);
      this.requests.push(request.url ?? '');
      this.trove(request, response);
    });
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  /** For `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #giveToken(_request: IncomingMessage, response: ServerResponse): void {
    this.tokens++;
    const token = { expires_at: '2099-01-01T00:00:00.000000Z', project: { id: 'project' } };
    response.writeHead(201, { 'x-subject-token': `token-${this.tokens}` }).end(JSON.stringify({ token }));
  }

  #answerPage(request: IncomingMessage, response: ServerResponse): void {
    this.beforePage();
    const url = new URL(request.url ?? '', this.url);
    const limit = Number(url.searchParams.get('limit') ?? 20);
    const marker = Number(url.searchParams.get('marker') ?? 0);
    const ordered = this.rows.toSorted((a, b) => b.updated - a.updated);
    const instances = ordered.slice(marker, marker + limit).map(instanceOf);
    url.searchParams.set('marker', String(marker + limit));
    // Trove always names https and the host that it was asked by, also where it is asked by http, or behind a proxy.
    const links =
      instances.length < limit
        ? {}
        : { links: [{ rel: 'next', href: `https://proxy.invalid${url.pathname}${url.search}` }] };
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ instances, ...links }));
  }
}

function instanceOf({ id, name = `db-${id.slice(-3)}`, status = 'HEALTHY' }: Row): object {
  return {
    id,
    name,
    status,
    tenant_id: 'tenant',
    server: { id, host: 'compute-7' },
    datastore: { type: 'mysql', version: '8.0' },
  };
}
