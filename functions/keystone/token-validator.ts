import { hash } from 'node:crypto';
import QuickLRU from 'quick-lru';
import type { Deadline } from '../time/deadline.ts';
import { Hops } from '../time/hops.ts';
import { KeystoneUnavailable, Unauthenticated } from './errors.ts';
import type { KeystoneApi } from './keystone-api.ts';
import type { Token } from './token.ts';
import { BURST, ValidationLimit } from './validation-limit.ts';

/** Cache lifetime of a good token, as in keystonemiddleware: a revoked one works for at most this long. */
const GOOD_FOR_MS = 300_000;

/** Cache lifetime of a bad token. */
const BAD_FOR_MS = 5000;

/** How long a token that was bad counts as one that looks bad. */
const SUSPECT_FOR_MS = 3_600_000;

/** Keystone answers in tens of milliseconds, or its answer is not waited for. */
const MAX_TIMEOUT_MS = 3000;

/** What Apache, the usual server before Keystone, takes in one header. A federated user with many groups has 4 kB. */
const MAX_TOKEN_LENGTH = 8190 - 'X-Subject-Token: '.length;

const TOO_MANY = 'Keystone is not asked for now: too many tokens were bad';

/** How many tokens of either kind are remembered; quick-lru may keep up to twice as many. */
const MEMORY = 1000;

/** Finds out whose a token is. Of a token nothing is kept but its SHA-256. */
export class TokenValidator {
  readonly #api: Pick<KeystoneApi, 'validate'>;
  readonly #limit = new ValidationLimit();
  readonly #asking = new Map<string, Promise<Token>>();
  /** Apart from the bad ones, of which any number may come. Its clock goes on while the process is frozen. */
  readonly #good = new QuickLRU<string, Token>({ maxSize: MEMORY, maxAge: GOOD_FOR_MS });
  /** When each was refused, in the milliseconds of `Date.now()`. */
  readonly #bad = new QuickLRU<string, number>({ maxSize: MEMORY, maxAge: SUSPECT_FOR_MS });

  constructor(api: Pick<KeystoneApi, 'validate'>) {
    this.#api = api;
  }

  /**
   * Asks Keystone, unless the answer is known or somebody is asking already.
   *
   * @param token as the caller sent it, if it did
   * @param deadline of the answer; Keystone is waited for 3 s at most
   * @param hops gets `keystone`, where Keystone was asked
   * @throws Unauthenticated or KeystoneUnavailable
   */
  async validate(token: string | undefined, deadline: Deadline, hops = new Hops()): Promise<Token> {
    if (!token) throw new Unauthenticated('token_missing');
    if (token.length > MAX_TOKEN_LENGTH) throw new Unauthenticated('token_too_long');
    // All kinds of tokens consist of visible ASCII; Node would refuse to send anything else.
    if (!/^[!-~]+$/.test(token)) throw new Unauthenticated('token_unknown');
    const key = hash('sha256', token, 'base64');
    const badForMs = Date.now() - (this.#bad.get(key) ?? 0); // negative where the clock was set back
    if (badForMs >= 0 && badForMs < BAD_FOR_MS) throw new Unauthenticated('token_unknown');
    const known = this.#good.get(key) ?? (await hops.time('keystone', this.#askOnce(key, token, deadline)));
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
    const reserved = BURST * (this.#bad.has(key) ? 0.5 : reservedShare(token));
    if (!this.#limit.take(reserved))
      throw new KeystoneUnavailable(TOO_MANY, { code: 'too_many_bad_tokens', retryAfter: '1' });
    try {
      const known = await this.#api.validate(token, deadline.within(MAX_TIMEOUT_MS));
      this.#limit.giveBack();
      this.#good.set(key, known);
      return known;
    } catch (error) {
      if (error instanceof Unauthenticated) this.#bad.set(key, Date.now());
      throw error;
    }
  }
}

/** A Fernet token's first byte is 0x80, the next eight are the time at which it was made, in seconds. */
const FERNET = /^gAAAA[\w-]{95,}={0,2}$/;
const JWS = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/;

/** The longest that tokens live, in seconds; Keystone's default is an hour. */
const MAX_AGE_S = 7 * 86_400;

/** How far Keystone's clock may be ahead of ours. */
const MAX_SKEW_S = 300;

/**
 * The share of the limit that is not for a token of this kind: made-up tokens must not shut out tokens that look like
 * Keystone's, and made-up tokens that look like these must not shut out those that look fresh.
 */
function reservedShare(token: string): number {
  if (JWS.test(token)) return 0.25;
  if (!FERNET.test(token)) return 0.5;
  const madeS = Number(Buffer.from(token.slice(0, 12), 'base64url').readBigUInt64BE(1));
  const ageS = Date.now() / 1000 - madeS;
  return ageS > -MAX_SKEW_S && ageS < MAX_AGE_S ? 0 : 0.25;
}
