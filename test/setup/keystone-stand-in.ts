import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers as no real Keystone would, or as often as none could, and counts what it is asked. */
export class KeystoneStandIn {
  /** The tokens it was asked about, in order. */
  readonly asked: string[] = [];
  handle: Handle;
  readonly #server: Server;

  static async start(handle: Handle = vouchFor()): Promise<KeystoneStandIn> {
    const standIn = new KeystoneStandIn(handle);
    standIn.#server.listen(0, '127.0.0.1');
    await once(standIn.#server, 'listening');
    return standIn;
  }

  private constructor(handle: Handle) {
    this.handle = handle;
    this.#server = createServer((request, response) => {
      this.asked.push(String(request.headers['x-subject-token']));
      this.handle(request, response);
    });
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/v3`;
  }

  /** For `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

interface Vouching {
  readonly expiresAt?: string;
  /** The project's id; null: the token has none. */
  readonly project?: string | null;
  readonly role?: string;
}

/** What a real Keystone 22 answered for a token, but for what differs. */
export function vouchFor({
  expiresAt = '2099-01-01T00:00:00.000000Z',
  project = 'tenant',
  role = 'admin',
}: Vouching = {}): Handle {
  const domain = { id: 'default', name: 'Default' };
  const token = {
    methods: ['password'],
    user: { domain, id: '8cbeb4a5b1d548678fe7bcc6a1b2ed0d', name: 'boss', password_expires_at: null },
    audit_ids: ['lXkFjzWpT6yF0Uo7Vx5uYw'],
    expires_at: expiresAt,
    issued_at: '2025-01-01T00:00:00.000000Z',
    ...(project !== null && { project: { id: project, name: 'Tenant', domain } }),
    is_domain: false,
    roles: [
      { id: 'a1', name: 'reader' },
      { id: 'a2', name: role },
    ],
  };
  return (_request, response) => answer(response, 200, { token });
}

/** What a real Keystone 22 answers for a token that it does not know. */
export function refuse(status = 401): Handle {
  return (_request, response) =>
    answer(response, status, { error: { code: status, message: '…', title: '…' } });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
