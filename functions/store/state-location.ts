import { posix } from 'node:path';
import { s3Object } from './s3-object.ts';
import { stateFile } from './state-file.ts';
import type { StateStore } from './state-store.ts';

/** A month has some 280,000 changes at most. */
const MAX_HISTORY_BYTES = 48 * 1024 * 1024;

/** An object of S3, or a file, for local use. */
export type StateLocation = { readonly bucket: string; readonly key: string } | { readonly path: string };

export function openStateStore(location: StateLocation): StateStore {
  return 'path' in location ? stateFile(location.path) : s3Object(location.bucket, location.key);
}

/** A month of what has changed, beside the state: `history/<month>.jsonl`; a file's is in a folder of its own name. */
export function openHistoryStore(location: StateLocation, month: string): StateStore {
  if ('path' in location) return stateFile(`${location.path.replace(/\.json$/, '')}.history/${month}.jsonl`);
  const key = posix.join(posix.dirname(location.key), 'history', `${month}.jsonl`);
  return s3Object(location.bucket, key, MAX_HISTORY_BYTES);
}
