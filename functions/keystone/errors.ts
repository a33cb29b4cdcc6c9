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
  readonly code: keyof typeof UNAUTHENTICATED;

  constructor(code: keyof typeof UNAUTHENTICATED) {
    super(UNAUTHENTICATED[code]);
    this.code = code;
  }
}

const FORBIDDEN = {
  foreign_project: 'The token is of another project than the one that is asked for, or of none',
  not_admin: "None of the token's roles is an admin's",
} as const;

/** The token is good, and does not permit the call. */
export class Forbidden extends CodedError {
  readonly code: keyof typeof FORBIDDEN;
  readonly token: Token;

  constructor(code: keyof typeof FORBIDDEN, token: Token) {
    super(FORBIDDEN[code]);
    this.code = code;
    this.token = token;
  }
}

/** Whether the token is good could not be found out; `message` says why. */
export class KeystoneUnavailable extends CodedError {
  readonly code: 'keystone_unavailable' | 'too_many_bad_tokens';
  /** As the header `Retry-After`: seconds, or a date. */
  readonly retryAfter: string | undefined;

  constructor(
    message: string,
    options: ErrorOptions & { code?: 'too_many_bad_tokens'; retryAfter?: string | undefined } = {},
  ) {
    super(message, options);
    this.code = options.code ?? 'keystone_unavailable';
    this.retryAfter = options.retryAfter;
  }
}
