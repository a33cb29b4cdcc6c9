import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';

export type { RequestOptions };

/** An HTTP answer, read to its end. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The `code` of the error when an answer is longer than allowed. */
const TOO_LONG = 'ERR_ANSWER_TOO_LONG';

/** Node's own client for a URL, loaded when it is used: import() would read all that node:http exports, WebSocket too. */
export function nodeHttp({ protocol }: URL) {
  return process.getBuiltinModule(protocol === 'http:' ? 'node:http' : 'node:https');
}

/**
 * Sends one HTTP request; redirects are not followed. Not fetch(), whose first call costs a cold start tens of
 * milliseconds more.
 *
 * @param maxLength of the answer, in characters
 * @throws Node's error, with its `code`; with `signal`, an AbortError when the time is over
 */
export async function send(
  url: URL,
  options: RequestOptions,
  body?: string,
  maxLength = 1 << 20,
): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  nodeHttp(url).request(url, options).on('response', resolve).on('error', reject).end(body);
  const response = await promise;
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    if (text.length > maxLength) throw Object.assign(new Error('The answer is too long'), { code: TOO_LONG });
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

/** Why there is no answer, in words that follow the name of who was asked. @param error of {@link send} */
export function troubleOf(error: NodeJS.ErrnoException, { aborted }: AbortSignal): string {
  if (error.code === TOO_LONG) return 'sent too long an answer';
  return aborted ? 'did not answer in time' : `cannot be reached: ${error.code ?? error.message}`;
}
