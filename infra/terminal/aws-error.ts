/** The SDK clients' time to connect: a path that swallows all packets becomes an error within seconds. */
export const CONNECTION = { requestHandler: { connectionTimeout: 5_000 } } as const;

/** What to do first, by the beginning of an error's name, code or message, in the SDK and in Node. */
const HINTS: readonly (readonly [beginning: string, todo: string])[] = [
  ['Region', 'Export AWS_REGION.'],
  ['CredentialsProviderError', 'Export credentials (AWS_PROFILE, or `aws configure export-credentials`).'],
  ['ExpiredToken', 'The credentials have expired: fetch new ones, such as by `aws sso login`.'],
  ['AccessDenied', 'Grant what the message names to the caller (`aws sts get-caller-identity`).'],
  ['ValidationError', 'Compare the name with `aws cloudformation list-stacks`, and AWS_REGION.'],
  ['ResourceNotFound', 'Compare the name with `aws lambda list-functions`, and AWS_REGION.'],
  ['NotFound', 'Compare the name with the settings, and AWS_REGION.'],
  ['TooManyRequests', 'A sweep is running, and one runs at a time: wait for its end, then try again.'],
  ['ENOTFOUND', 'The name does not resolve: compare AWS_REGION, or --url where it is given.'],
  ['ECONNREFUSED', 'Nothing listens on that port: compare AWS_ENDPOINT_URL, or --url where it is given.'],
  [
    '',
    "Check this machine's network (a private API is reached by its VPC alone), its clock, its proxy and the proxy's certificate (NODE_EXTRA_CA_CERTS).",
  ],
];

/** In the SDK's message of whatever it cannot parse. */
const UNREADABLE = 'Deserialization error';

/** What failed, AWS's or the operating system's name of the error, its message, and what to do first. */
export function explained(what: string, error: Error & { readonly code?: unknown }): string {
  const { name, code, message }: typeof error = error.cause instanceof Error ? error.cause : error; // fetch's is the cause
  const known = typeof code === 'string' ? code : name;
  const [, todo = ''] = HINTS.find(([start]) => known.startsWith(start) || message.startsWith(start)) ?? [];
  if (message.includes(UNREADABLE)) return `${what}: the answer is none of AWS's. ${todo}`;
  return `${what}: ${known === 'Error' ? '' : `${known}: `}${sentence(message)} ${todo}`;
}

/** Awaits a request of the SDK. @throws an Error with an explanation for any error */
export async function asking<T>(what: string, request: Promise<T>): Promise<T> {
  return request.catch((error) => {
    throw new Error(explained(what, error), { cause: error });
  });
}

/** The text, with a full stop added where none ends it. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
