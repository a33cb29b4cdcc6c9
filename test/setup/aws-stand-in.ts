import { type EventEmitter, once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';

/** A request as an AWS service receives it. */
export interface AwsRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface AwsAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object | string;
}

/** Stands for AWS's APIs, which cannot run here: an HTTP server that answers by `answer`, and keeps all requests. */
export class AwsStandIn {
  readonly requests: AwsRequest[] = [];
  answer: (request: AwsRequest) => AwsAnswer | Promise<AwsAnswer>;
  readonly #scheme: string;
  readonly #server: Pick<Server, 'listen' | 'address' | 'close' | 'closeAllConnections'> & EventEmitter;

  /** @param tls a certificate for localhost, with its key; by default there is no TLS */
  static async start(answer: AwsStandIn['answer'], tls?: ServerOptions): Promise<AwsStandIn> {
    const standIn = new AwsStandIn(answer, tls);
    standIn.#server.listen(0, '127.0.0.1');
    await once(standIn.#server, 'listening');
    return standIn;
  }

  private constructor(answer: AwsStandIn['answer'], tls: ServerOptions | undefined) {
    this.answer = answer;
    const onRequest = async (incoming: IncomingMessage, response: ServerResponse) => {
      const body = (await incoming.setEncoding('utf8').toArray()).join('');
      const { method = '', url: path = '', headers } = incoming;
      const request = { method, path, headers, body };
      this.requests.push(request);
      const { status = 200, headers: added, body: answered } = await this.answer(request);
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', ...added });
      response.end(typeof answered === 'string' ? answered : JSON.stringify(answered));
    };
    this.#scheme = tls ? 'https://localhost' : 'http://127.0.0.1';
    this.#server = tls ? createTlsServer(tls, onRequest) : createServer(onRequest);
  }

  get url(): string {
    const address = this.#server.address();
    return `${this.#scheme}:${typeof address === 'object' ? address?.port : 0}`;
  }

  /** Environment variables that redirect the SDKs and the functions to this stand-in, with credentials for signing. */
  get settings() {
    const { url } = this;
    return {
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
      AWS_SESSION_TOKEN: 'token',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: url,
      AWS_ENDPOINT_URL_MQ: url,
      AWS_ENDPOINT_URL_S3: url,
      AWS_ENDPOINT_URL_CLOUDFORMATION: url,
      AWS_ENDPOINT_URL_LAMBDA: url,
      AWS_ENDPOINT_URL_EC2: url,
      AWS_ENDPOINT_URL_KMS: url,
      AWS_ENDPOINT_URL_SSM: url,
      AWS_ENDPOINT_URL_STS: url,
    };
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
