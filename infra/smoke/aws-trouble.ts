/** The SDK clients' time to connect: a path that swallows all packets becomes an error within seconds. */
export const CONNECTION = { requestHandler: { connectionTimeout: 5_000 } } as const;

/** By the beginning of an error's name or code: what to do first. */
const FIRST: readonly (readonly [beginning: string, todo: string])[] = [
  ['CredentialsProviderError', 'Export credentials (AWS_PROFILE, or `aws configure export-credentials`).'],
  ['TokenProviderError', 'Log in again: `aws sso login`.'],
  ['ExpiredToken', 'The credentials have expired: fetch new ones, e.g. by `aws sso login`.'],
  ['InvalidClientTokenId', 'AWS does not know this access key: see `aws sts get-caller-identity`.'],
  ['UnrecognizedClient', 'AWS does not know this access key: see `aws sts get-caller-identity`.'],
  ['SignatureDoesNotMatch', "Compare AWS_SECRET_ACCESS_KEY, and this machine's clock with another one."],
  ['InvalidSignature', "Compare AWS_SECRET_ACCESS_KEY, and this machine's clock with another one."],
  ['RequestExpired', 'Set the clock of this machine.'],
  ['AccessDenied', 'Grant what the message names to the caller (`aws sts get-caller-identity`).'],
  ['ValidationError', 'Compare the name with `aws cloudformation list-stacks`, and AWS_REGION.'],
  ['ResourceNotFound', 'Compare the name with `aws lambda list-functions`, and AWS_REGION.'],
  ['TooManyRequests', 'A sweep is running, and one runs at a time: wait for its end, then try again.'],
  ['ENOTFOUND', 'The name does not resolve: compare AWS_REGION, and the DNS of this machine.'],
  ['EAI_AGAIN', 'No name server answers: look at the network of this machine.'],
  ['ECONN', 'Look at the network of this machine, its proxy and its firewall.'],
  ['TimeoutError', 'Look at the network of this machine, its proxy and its firewall.'],
];

/** A call of an AWS API failed. `code` is AWS's own name of the error, or the operating system's. */
export class AwsTrouble extends Error {
  override readonly name = 'AwsTrouble';
  readonly code: string;

  /** @param what a sentence without its full stop that says what failed */
  constructor(what: string, cause: Error) {
    const code = codeOf(cause);
    const named = code === 'Error' ? '' : `${code}: `;
    super(`${what}: ${named}${sentence(cause.message)} ${todo(code, cause)}`.trim(), { cause });
    this.code = code;
  }
}

/** Awaits a request of the SDK. @throws AwsTrouble for any error */
export async function asking<T>(what: string, request: Promise<T>): Promise<T> {
  return request.catch((error: unknown) => {
    throw new AwsTrouble(what, error instanceof Error ? error : new Error(String(error)));
  });
}

function codeOf(error: Error): string {
  return error.name === 'Error' && 'code' in error && typeof error.code === 'string'
    ? error.code
    : error.name;
}

function todo(code: string, { message }: Error): string {
  if (code === 'Error' && message.startsWith('Region')) return 'Export AWS_REGION.';
  const [, todo = ''] = FIRST.find(([beginning]) => code.startsWith(beginning)) ?? [];
  return todo;
}

/** The text, with a full stop added where none ends it. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
