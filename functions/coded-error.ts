/** An error with a stable `code`; `message` is for people, and a sentence without its full stop. */
export abstract class CodedError extends Error {
  abstract readonly code: string;
  /** Whether the message says what the deployer has to correct. It then holds no secret, and callers may read it. */
  readonly isForDeployer: boolean = false;

  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name.replace(/^_/, ''); // esbuild's addition to a class that uses itself
  }
}
