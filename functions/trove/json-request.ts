import type { Deadline } from '../time/deadline.ts';
import { TroveUnavailable } from './errors.ts';

/** An instance takes some 1.5 kB of a list, so that this is enough for 20,000 of them. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined: the answer is not JSON. */
  readonly body: unknown;
}

/**
 * Sends a request to an API of OpenStack. Redirects are not followed: tokens and secrets go nowhere else.
 *
 * @param service its name, for the message of an error
 * @throws TroveUnavailable where no answer comes in time
 */
export async function requestJson(
  service: string,
  url: URL,
  deadline: Deadline,
  init: { readonly method?: string; readonly headers: Record<string, string>; readonly body?: string },
): Promise<JsonAnswer> {
  const signal = deadline.signal();
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal });
    const { status, headers } = response;
    return { status, headers, body: parse(await text(service, response)) };
  } catch (error) {
    if (error instanceof TroveUnavailable) throw error;
    const { cause, message } = Object(error);
    const why = signal.aborted
      ? 'did not answer in time'
      : `cannot be reached: ${Object(cause).code ?? message}`;
    throw new TroveUnavailable(`${service} ${why}`, { cause: error });
  }
}

async function text(service: string, { body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new TroveUnavailable(`${service}'s answer is too long`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
