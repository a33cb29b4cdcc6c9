/** An error that is told by its `code`, which is stable; `message` is for people, and a sentence without its full stop. */
export abstract class CodedError extends Error {
  abstract override readonly name: string;
  abstract readonly code: string;
  /** Whether the message says what the deployer has to mend. It holds no secret then, and callers get to read it. */
  readonly isForDeployer: boolean = false;
}
