import { CodedError } from '../coded-error.ts';
import type { Deadline } from '../time/deadline.ts';

/** What is kept, and which version of it this is. */
export interface StoredText {
  readonly text: string;
  readonly version: string;
  /** There is more than can be read, and the text is empty. */
  readonly isTooLarge?: boolean;
}

/** One text that is read and replaced as a whole. */
export interface StateStore {
  /** @returns undefined where nothing is kept @throws StateUnavailable */
  read(deadline: Deadline): Promise<StoredText | undefined>;

  /** Replaces the version that was read; undefined: there was none. @throws StateConflict, StateUnavailable */
  replace(version: string | undefined, text: string, deadline: Deadline): Promise<void>;
}

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
