/** The SDK clients' time to connect: a path that swallows all packets becomes an error within seconds. */
export const CONNECTION = { requestHandler: { connectionTimeout: 5_000 } } as const;

/** What to do first, by the beginning of an error's name or code, in the SDK and in Node. */
const HINTS: readonly (readonly [beginning: string, todo: string])[] = [
  ['CredentialsProviderError', 'Export credentials (AWS_PROFILE, or `aws configure export-credentials`).'],
  ['ExpiredToken', 'The credentials have expired: fetch new ones, such as by `aws sso login`.'],
  ['AccessDenied', 'Grant what the message names to the caller (`aws sts get-caller-identity`).'],
  ['ValidationError', 'Compare the name with `aws cloudformation list-stacks`, and AWS_REGION.'],
  ['ResourceNotFound', 'Compare the name with `aws lambda list-functions`, and AWS_REGION.'],
  ['TooManyRequests', 'A sweep is running, and one runs at a time: wait for its end, then try again.'],
  ['ENOTFOUND', 'The name does not resolve: compare the URL with the output Url, and AWS_REGION.'],
  ['ECONNREFUSED', 'Nothing listens on that port: compare the URL with the output Url.'],
  [
    '',
    'Check the network of this machine, its clock, its proxy and the certificate of that (NODE_EXTRA_CA_CERTS).',
  ],
];

/** What to do first after an error of this name or code. */
export function hintFor(code: string): string {
  return HINTS.find(([beginning]) => code.startsWith(beginning))?.[1] ?? '';
}

/** A call of an AWS API failed. `code` is AWS's own name of the error, or the operating system's. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;

  /** @param what a sentence without its full stop that says what failed */
  constructor(what: string, cause: Error) {
    const code = codeOf(cause);
    const named = code === 'Error' ? '' : `${code}: `;
    super(`${what}: ${named}${sentence(cause.message)} ${todo(code, cause)}`, { cause });
    this.code = code;
  }
}

/** Awaits a request of the SDK. @throws AwsError for any error */
export async function asking<T>(what: string, request: Promise<T>): Promise<T> {
  return request.catch((error: unknown) => {
    throw new AwsError(what, error instanceof Error ? error : new Error(String(error)));
  });
}

function codeOf(error: Error): string {
  return error.name === 'Error' && 'code' in error && typeof error.code === 'string'
    ? error.code
    : error.name;
}

function todo(code: string, { message }: Error): string {
  return code === 'Error' && message.startsWith('Region') ? 'Export AWS_REGION.' : hintFor(code);
}

/** The text, with a full stop added where none ends it. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
