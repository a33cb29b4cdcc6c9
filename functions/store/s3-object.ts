import { addAbortSignal, Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import type { Deadline } from '../time/deadline.ts';
import { StateConflict, type StateStore, StateUnavailable } from './state-store.ts';

/** S3 answers in tens of milliseconds, or is not reached. */
const MAX_TIMEOUT_MS = 3000;

/** More is no state: with names and hypervisors as long as may be, 40,000 silent guests take 15.8 MiB, answering ones 10.4. */
const MAX_BYTES = 16 * 1024 * 1024;

/** What S3 answers when a write's condition does not hold: changed, deleted, or being written at the same time. */
const CONFLICTS = ['PreconditionFailed', 'NoSuchKey', 'ConditionalRequestConflict', 'OperationAborted'];

type Sdk = typeof import('@aws-sdk/client-s3');

const CLIENT: S3ClientConfig = {
  useDualstackEndpoint: false, // a gateway endpoint leads to IPv4 alone, and the setting for Amazon MQ is dual-stack
  maxAttempts: 2,
};

/**
 * One object of S3, each request for at most 3 s, on a connection of its own: the last one is long dead by the next
 * sweep. The SDK's client is loaded from Lambda's runtime when it is used.
 */
export function s3Object(bucket: string, key: string, maxBytes = MAX_BYTES): StateStore {
  const place = { Bucket: bucket, Key: key };
  const url = `s3://${bucket}/${key}`;
  const unavailable = (what: string, cause: unknown) =>
    new StateUnavailable(`${url} cannot be ${what}${lacking(cause)}`, nameOf(cause), { cause });
  return {
    async read(deadline) {
      try {
        return await ask(deadline, async (sdk, client, abortSignal) => {
          const answer = await client.send(new sdk.GetObjectCommand(place), { abortSignal });
          const { Body: body, ETag: version, ContentLength: bytes } = answer;
          if (!(body instanceof Readable) || version === undefined || bytes === undefined)
            throw new Error("S3's answer has no object");
          if (bytes > maxBytes) return { text: '', version, isTooLarge: true };
          return { text: await textOf(addAbortSignal(abortSignal, body)), version, isTooLarge: false };
        });
      } catch (error) {
        if (nameOf(error) === 'NoSuchKey') return undefined;
        throw unavailable('read', error);
      }
    },
    async replace(version, text, deadline) {
      if (Buffer.byteLength(text) > maxBytes)
        throw new StateUnavailable(`${url} cannot be written`, 'EntityTooLarge');
      const condition = version === undefined ? { IfNoneMatch: '*' } : { IfMatch: version };
      const object = { ...place, ...condition, Body: text, ContentType: 'application/json' };
      try {
        await ask(deadline, (sdk, client, abortSignal) =>
          client.send(new sdk.PutObjectCommand(object), { abortSignal }),
        );
      } catch (error) {
        if (!CONFLICTS.includes(nameOf(error))) throw unavailable('written', error);
        throw new StateConflict(`${url} has changed`, { cause: error });
      }
    },
  };
}

async function ask<T>(
  deadline: Deadline,
  question: (sdk: Sdk, client: S3Client, abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  const sdk = await import('@aws-sdk/client-s3');
  const client = new sdk.S3Client(CLIENT);
  try {
    return await question(sdk, client, deadline.within(MAX_TIMEOUT_MS).signal());
  } finally {
    client.destroy();
  }
}

/** The permission that is missing, S3's or the key's, where S3 names it. */
function lacking(error: unknown): string {
  const [, action] = /not authorized to perform: (\w+:\w+)/.exec(Object(error).message) ?? [];
  return action === undefined ? '' : ` for want of ${action}`;
}

/** Of an exception of S3, or the system's code of the error that kept us from asking. */
function nameOf(error: unknown): string {
  const { name, code } = Object(error);
  if (name === 'AbortError' || name === 'TimeoutError') return 'TimeoutError';
  return String(code ?? name);
}
