/** An error with a stable `code`; `message` is for people, and a sentence without its full stop. */
export abstract class CodedError extends Error {
  abstract override readonly name: string;
  abstract readonly code: string;
  /** Whether the message says what the deployer has to correct. It then holds no secret, and callers may read it. */
  readonly isForDeployer: boolean = false;
}
