import { hash } from 'node:crypto';
import QuickLRU from 'quick-lru';
import type { Deadline } from '../time/deadline.ts';
import { TooManyBadTokens, Unauthenticated } from './errors.ts';
import type { KeystoneApi } from './keystone-api.ts';
import { QuestionBudget } from './question-budget.ts';
import type { Token } from './token.ts';

/** How long a good token is not asked about again, as in keystonemiddleware: a revoked one is refused after that. */
const GOOD_FOR_MS = 300_000;

/** How long a bad one is not. */
const BAD_FOR_MS = 5000;

/** Keystone answers in tens of milliseconds, or its answer is not waited for. */
const MAX_TIMEOUT_MS = 3000;

/** A Fernet token has some 200 characters, a signed one (JWS) less than 2000. */
const MAX_TOKEN_LENGTH = 4096;

/** How many tokens of either kind are remembered; quick-lru may keep up to twice as many. */
const MEMORY = 1000;

/** Finds out whose a token is. Of a token nothing is kept but its SHA-256. */
export class TokenValidator {
  readonly #api: Pick<KeystoneApi, 'validate'>;
  readonly #budget = new QuestionBudget();
  readonly #asking = new Map<string, Promise<Token>>();
  /** Apart from the bad ones, of which any number may come. Its clock goes on while the process is frozen. */
  readonly #good = new QuickLRU<string, Token>({ maxSize: MEMORY, maxAge: GOOD_FOR_MS });
  readonly #bad = new QuickLRU<string, true>({ maxSize: MEMORY, maxAge: BAD_FOR_MS });

  constructor(api: Pick<KeystoneApi, 'validate'>) {
    this.#api = api;
  }

  /**
   * Asks Keystone, unless the answer is known or somebody is asking already.
   *
   * @param token as the caller sent it, if it did
   * @param deadline of the answer; Keystone is waited for 3 s at most
   * @throws Unauthenticated, KeystoneUnavailable or TooManyBadTokens
   */
  async validate(token: string | undefined, deadline: Deadline): Promise<Token> {
    if (!token) throw new Unauthenticated('token_missing');
    if (token.length > MAX_TOKEN_LENGTH || !isHeaderValue(token)) throw new Unauthenticated('token_unknown');
    const key = hash('sha256', token, 'base64');
    if (this.#bad.has(key)) throw new Unauthenticated('token_unknown');
    const known = this.#good.get(key) ?? (await this.#askOnce(key, token, deadline));
    if (known.expiresAtMs <= Date.now()) throw new Unauthenticated('token_expired');
    return known;
  }

  #askOnce(key: string, token: string, deadline: Deadline): Promise<Token> {
    const asked = this.#asking.get(key) ?? this.#ask(key, token, deadline);
    if (this.#asking.has(key)) return asked;
    this.#asking.set(key, asked);
    const forget = () => void this.#asking.delete(key);
    asked.then(forget, forget);
    return asked;
  }

  async #ask(key: string, token: string, deadline: Deadline): Promise<Token> {
    if (!this.#budget.take()) throw new TooManyBadTokens();
    try {
      const known = await this.#api.validate(token, deadline.within(MAX_TIMEOUT_MS));
      this.#budget.giveBack();
      this.#good.set(key, known);
      return known;
    } catch (error) {
      if (error instanceof Unauthenticated) this.#bad.set(key, true);
      throw error;
    }
  }
}

/** Visible ASCII, of which all kinds of tokens consist; Node would refuse to send anything else. */
function isHeaderValue(token: string): boolean {
  return /^[!-~]+$/.test(token);
}
