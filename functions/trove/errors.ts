import { CodedError } from '../coded-error.ts';

/** Trove's list of instances cannot be had. The message says why, and holds no secret. */
export class TroveUnavailable extends CodedError {
  readonly code = 'trove_unavailable';
}
