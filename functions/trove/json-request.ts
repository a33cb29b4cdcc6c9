import { CodedError } from '../coded-error.ts';
import { type HttpAnswer, type RequestOptions, send, troubleOf } from '../http-client.ts';
import { parseJson } from '../json.ts';
import type { Deadline } from '../time/deadline.ts';

/** Trove's list of instances cannot be had. The message says why, and holds no secret. */
export class TroveUnavailable extends CodedError {
  readonly code = 'trove_unavailable';
}

/** An instance takes some 1.5 kB of a list, so that this is enough for 20,000 of them. */
const MAX_LENGTH = 32 * 1024 * 1024;

/**
 * Sends a request to an API of OpenStack.
 *
 * @param service its name, for the message of an error
 * @returns `json` is undefined where the answer is not JSON
 * @throws TroveUnavailable where no answer comes in time
 */
export async function requestJson(
  service: string,
  url: URL,
  deadline: Deadline,
  options: RequestOptions,
  body?: string,
): Promise<HttpAnswer & { readonly json: unknown }> {
  const signal = deadline.signal();
  const answer = await send(url, { ...options, signal }, body, MAX_LENGTH).catch((cause) => {
    throw new TroveUnavailable(`${service} ${troubleOf(cause, signal)}`, { cause });
  });
  return { ...answer, json: parseJson(answer.text) };
}
