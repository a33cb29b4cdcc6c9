import { CodedError } from '../coded-error.ts';

/** Trove's list of instances cannot be had. The message says why, and holds no secret. */
export class TroveUnavailable extends CodedError {
  override readonly name = 'TroveUnavailable';
  readonly code = 'trove_unavailable';
  /** The status of Trove's answer, where there was one. */
  readonly status: number | undefined;

  constructor(message: string, { status, ...options }: ErrorOptions & { status?: number } = {}) {
    super(message, options);
    this.status = status;
  }
}
