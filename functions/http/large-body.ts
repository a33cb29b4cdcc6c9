import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { CodedError } from '../coded-error.ts';

/** What Lambda passes on of an answer, in bytes: 6 MiB less what stands around the body. */
const MAX_BYTES = 6 * 1024 * 1024 - 16 * 1024;

/** The parts of a body are put together to so many characters before they are compressed. */
const BLOCK_LENGTH = 64 * 1024;

/** The body of an answer as Lambda passes it on. */
export interface Body {
  readonly body: string;
  readonly isBase64Encoded?: true;
}

/** The body is larger than what Lambda passes on. */
export class BodyTooLarge extends CodedError {
  readonly code = 'body_too_large';
}

/**
 * Makes a body of its parts, as they are made: compressed, no more of it than that is ever in memory.
 *
 * @throws BodyTooLarge
 */
export async function bodyOf(parts: Iterable<string>, isCompressed: boolean): Promise<Body> {
  const compressed = () => pipeline(Readable.from(blocks(parts)), createGzip(), () => undefined);
  let body = '';
  let bytes = 0;
  for await (const block of isCompressed ? compressed().setEncoding('base64') : blocks(parts)) {
    body += block;
    bytes += Buffer.byteLength(JSON.stringify(block)); // Lambda passes it on in JSON
    if (bytes > MAX_BYTES) throw new BodyTooLarge('The body is larger than 6 MiB');
  }
  return isCompressed ? { body, isBase64Encoded: true } : { body };
}

function* blocks(parts: Iterable<string>): Iterable<string> {
  let block = '';
  for (const part of parts) {
    block += part;
    if (block.length < BLOCK_LENGTH) continue;
    yield block;
    block = '';
  }
  yield block;
}
