import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';

const NEXT = '/2018-06-01/runtime/invocation/next';
const ENDED = /^\/2018-06-01\/runtime\/(?:invocation\/([\w-]+)\/(response|error)|init\/error)$/;

/** What the Runtime API gives the runtime for an invocation. */
interface Invocation {
  readonly id: string;
  readonly event: object;
  readonly deadlineMs: number;
}

/** Stands for the Runtime API, by which Lambda hands invocations to the runtime of an execution environment. */
export class RuntimeApi {
  readonly #server: Server;
  readonly #waiting = new Map<string, PromiseWithResolvers<unknown>>();
  readonly #queued: Invocation[] = [];
  /** The runtime's request for the next invocation, while there is none. */
  #next: ServerResponse | undefined;
  #onIdle: () => void = () => undefined;

  static async listen(): Promise<RuntimeApi> {
    const api = new RuntimeApi();
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  private constructor() {
    this.#server = createServer(async (request, response) => {
      if (request.url === NEXT) return this.#hand(response);
      const body = JSON.parse((await request.setEncoding('utf8').toArray()).join(''));
      const [path, id = '', how] = ENDED.exec(request.url ?? '') ?? [];
      response.writeHead(path === undefined ? 404 : 202).end();
      const waiting = how === undefined ? [...this.#waiting.values()] : [this.#waiting.get(id)];
      for (const one of waiting) {
        if (how === 'response') one?.resolve(body);
        else one?.reject(new Error(`${body.errorType}: ${body.errorMessage}`));
      }
    });
  }

  /** For `AWS_LAMBDA_RUNTIME_API`. */
  get address(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  /** Resolves once the runtime asks for an invocation, as when Lambda freezes it. */
  async idle(): Promise<void> {
    if (this.#next !== undefined) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /**
   * Hands an event to the runtime, or keeps it until the runtime asks.
   *
   * @returns the handler's answer, with Lambda's request id
   * @throws when the handler, or the start of the function, failed; or at the deadline, when Lambda would end all of it
   */
  async invoke(event: object, timeoutMs: number): Promise<{ id: string; answer: unknown }> {
    const invocation = { id: randomUUID(), event, deadlineMs: Date.now() + timeoutMs };
    const outcome = Promise.withResolvers<unknown>();
    this.#waiting.set(invocation.id, outcome);
    const timer = setTimeout(() => outcome.reject(new Error('Task timed out')), timeoutMs);
    this.#queued.push(invocation);
    if (this.#next !== undefined) this.#hand(this.#next);
    try {
      return { id: invocation.id, answer: await outcome.promise };
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(invocation.id);
    }
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #hand(response: ServerResponse): void {
    const invocation = this.#queued.shift();
    this.#next = invocation === undefined ? response : undefined;
    if (invocation === undefined) {
      this.#onIdle();
      return;
    }
    const { id, event, deadlineMs } = invocation;
    response.writeHead(200, {
      'content-type': 'application/json',
      'Lambda-Runtime-Aws-Request-Id': id,
      'Lambda-Runtime-Deadline-Ms': String(deadlineMs),
      'Lambda-Runtime-Invoked-Function-Arn': 'arn:aws:lambda:us-east-1:000000000000:function:test',
      'Lambda-Runtime-Trace-Id': `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0`,
    });
    response.end(JSON.stringify(event));
  }
}
