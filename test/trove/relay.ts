import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

/** What stands before a real Trove, as a load balancer does: hands each request on, or answers in its place. */
export class Relay {
  /** Answered in place of Trove; undefined: Trove answers. */
  instead: { readonly status: number; readonly body: string } | undefined;
  /** Called before each request that Trove answers. */
  beforePage: () => void = () => undefined;
  readonly #server: Server;

  static async start(target: string): Promise<Relay> {
    const relay = new Relay(target);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  private constructor(target: string) {
    this.#server = createServer(async (request, response) => {
      const { status, body } =
        this.instead ?? (await this.#ask(target + request.url, { ...request.headers }));
      response.writeHead(status, { 'content-type': body.startsWith('<') ? 'text/html' : 'application/json' });
      response.end(body);
    });
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  async end(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #ask(url: string, { accept = '', 'x-auth-token': token = '' }: NodeJS.Dict<string | string[]>) {
    this.beforePage();
    const answer = await fetch(url, { headers: { accept: String(accept), 'x-auth-token': String(token) } });
    return { status: answer.status, body: await answer.text() };
  }
}
