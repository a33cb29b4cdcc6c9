import { CodedError } from '../coded-error.ts';

/** What is kept could not be read or written. */
export class StateUnavailable extends CodedError {
  readonly code = 'state_unavailable';
  /** That of S3, such as `AccessDenied`, or the error that kept us from asking. */
  readonly exception: string;

  constructor(message: string, exception: string, options?: ErrorOptions) {
    super(`${message}: ${exception}`, options);
    this.exception = exception;
  }
}

/** Somebody else has written since what is kept was read. */
export class StateConflict extends CodedError {
  readonly code = 'state_conflict';
}
