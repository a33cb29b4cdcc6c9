import type { Agent, IncomingMessage } from 'node:http';
import type { Deadline } from '../time/deadline.ts';
import { KeystoneUnavailable, Unauthenticated } from './errors.ts';
import { isKeystoneError, parseToken, type Token } from './token.ts';

/** A token's description has a few kilobytes, at most some tens of them with hundreds of roles. */
const MAX_ANSWER_LENGTH = 1 << 20;

/** How many tokens are validated at the same time; the next ones wait for their turn within their own time-out. */
const MAX_CONNECTIONS = 8;

/** Keystone's v3 API, as far as it is called: the caller's token validates itself, so that no service user is needed. */
export class KeystoneApi {
  readonly #url: URL;
  readonly #agent: Agent;

  /** @param url `https://…/v3`, without a slash at the end */
  constructor(url: string) {
    this.#url = new URL(`${url}/auth/tokens?nocatalog`);
    // A connection is not kept: a frozen environment would find it dead, and a token is asked about once in minutes.
    this.#agent = new this.#http.Agent({ keepAlive: false, maxSockets: MAX_CONNECTIONS });
  }

  /**
   * Asks Keystone about a token. Redirects are not followed: the token goes nowhere else.
   *
   * @param deadline of the question, connecting included
   * @throws Unauthenticated where Keystone does not know the token, KeystoneUnavailable for every other answer
   */
  async validate(token: string, deadline: Deadline): Promise<Token> {
    const signal = deadline.signal();
    const { status, text } = await this.#get(token, signal).catch((error: NodeJS.ErrnoException) => {
      if (error instanceof KeystoneUnavailable) throw error;
      const what = signal.aborted ? 'did not answer in time' : 'cannot be reached';
      throw new KeystoneUnavailable(`Keystone ${what}`, { cause: error });
    });
    if ((status === 401 || status === 404) && isKeystoneError(text, status))
      throw new Unauthenticated('token_unknown');
    const known = status === 200 ? parseToken(text) : undefined;
    if (known === undefined)
      throw new KeystoneUnavailable(`Keystone's answer (${status}) is ${whatIs(status)}`);
    return known;
  }

  async #get(token: string, signal: AbortSignal): Promise<{ status: number; text: string }> {
    const headers = { 'X-Auth-Token': token, 'X-Subject-Token': token, Accept: 'application/json' };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const { request } = this.#http;
    request(this.#url, { agent: this.#agent, headers, signal })
      .on('response', resolve)
      .on('error', reject)
      .end();
    const response = await promise;
    return { status: response.statusCode ?? 0, text: await textOf(response) };
  }

  /** Not fetch(), whose first call costs a cold start tens of milliseconds more. */
  get #http() {
    return process.getBuiltinModule(this.#url.protocol === 'http:' ? 'node:http' : 'node:https');
  }
}

function whatIs(status: number): string {
  if (status === 200) return 'not a token’s description';
  if (status === 403) return 'that its policy forbids a token to validate itself';
  return 'none to a token';
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_ANSWER_LENGTH) throw new KeystoneUnavailable('Keystone’s answer is too long');
  }
  return text;
}
