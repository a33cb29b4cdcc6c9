import { CodedError } from '../coded-error.ts';
import type { Token } from './token.ts';

const UNAUTHENTICATED = {
  token_missing: 'The caller sent no token',
  token_too_long: 'The token is longer than a header may be',
  token_unknown: 'Keystone does not know the token',
  token_expired: 'The token has expired',
} as const;

/** The caller has not said who it is. */
export class Unauthenticated extends CodedError {
  override readonly name = 'Unauthenticated';
  readonly code: keyof typeof UNAUTHENTICATED;

  constructor(code: keyof typeof UNAUTHENTICATED) {
    super(UNAUTHENTICATED[code]);
    this.code = code;
  }
}

/** The token is of another project than the one that is asked for, or of none. */
export class ForeignProject extends CodedError {
  override readonly name = 'ForeignProject';
  readonly code = 'foreign_project';
  readonly token: Token;

  constructor(token: Token) {
    super('The token is not of this project');
    this.token = token;
  }
}

/** None of the token's roles is an admin's. */
export class NotAdmin extends CodedError {
  override readonly name = 'NotAdmin';
  readonly code = 'not_admin';
  readonly token: Token;

  constructor(token: Token) {
    super("None of the roles is an admin's");
    this.token = token;
  }
}

/** Whether the token is good could not be found out; `message` says why. */
export class KeystoneUnavailable extends CodedError {
  override readonly name = 'KeystoneUnavailable';
  readonly code = 'keystone_unavailable';
  /** Keystone's own `Retry-After`: seconds, or a date. */
  readonly retryAfter: string | undefined;

  constructor(
    message: string,
    { retryAfter, ...options }: ErrorOptions & { retryAfter?: string | undefined } = {},
  ) {
    super(message, options);
    this.retryAfter = retryAfter;
  }
}

/** So many tokens turned out to be bad that Keystone is spared the next ones for now. */
export class TooManyBadTokens extends CodedError {
  override readonly name = 'TooManyBadTokens';
  readonly code = 'too_many_bad_tokens';
  /** In seconds. */
  readonly retryAfter = '1';

  constructor() {
    super('Keystone is not asked for now: too many tokens were bad');
  }
}
