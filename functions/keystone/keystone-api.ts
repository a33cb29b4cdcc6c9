import type { Agent } from 'node:http';
import { nodeHttp, send, troubleOf } from '../http-client.ts';
import type { Deadline } from '../time/deadline.ts';
import { KeystoneUnavailable, Unauthenticated } from './errors.ts';
import { isKeystoneError, parseToken, type Token } from './token.ts';

/** How many tokens are validated at the same time; the next ones wait for their turn within their own time-out. */
const MAX_CONNECTIONS = 8;

/** Seconds, or a date (RFC 9110). */
const RETRY_AFTER = /^(?:\d{1,9}|[\w ,:-]{20,40})$/;

/** Keystone's v3 API, as far as it is called: the caller's token validates itself, so that no service user is needed. */
export class KeystoneApi {
  readonly #url: URL;
  readonly #agent: Agent;

  /** @param url `https://…/v3`, without a slash at the end */
  constructor(url: string) {
    this.#url = new URL(`${url}/auth/tokens?nocatalog`);
    // A connection is not kept: a frozen environment would find it dead, and a token is asked about once in minutes.
    const { Agent } = nodeHttp(this.#url);
    this.#agent = new Agent({ keepAlive: false, maxSockets: MAX_CONNECTIONS });
  }

  /**
   * Asks Keystone about a token. Redirects are not followed, so that nobody else gets the token.
   *
   * @param deadline of the question, connecting included
   * @throws Unauthenticated where Keystone does not know the token, KeystoneUnavailable for every other answer
   */
  async validate(token: string, deadline: Deadline): Promise<Token> {
    const headers = { 'X-Auth-Token': token, 'X-Subject-Token': token, Accept: 'application/json' };
    const signal = deadline.signal();
    const answer = await send(this.#url, { agent: this.#agent, headers, signal }).catch((error) => {
      throw new KeystoneUnavailable(`Keystone ${troubleOf(error, signal)}`, { cause: error });
    });
    const { status, text } = answer;
    if ((status === 401 || status === 404) && isKeystoneError(text, status))
      throw new Unauthenticated('token_unknown');
    const known = status === 200 ? parseToken(text) : undefined;
    if (known === undefined) {
      const retryAfter = RETRY_AFTER.exec(answer.headers['retry-after'] ?? '')?.[0];
      throw new KeystoneUnavailable(`Keystone answered ${status}, ${meaningOf(status)}`, { retryAfter });
    }
    return known;
  }
}

function meaningOf(status: number): string {
  if (status === 200) return 'but not with the description of a token';
  if (status >= 300 && status < 400) return 'a redirect, which is not followed: compare KEYSTONE_URL';
  if (status === 403) return 'its policy forbids a token to validate itself';
  return 'which says nothing of the token';
}
