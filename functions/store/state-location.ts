import { S3Object } from './s3-object.ts';
import { StateFile } from './state-file.ts';
import type { StateStore } from './state-store.ts';

/** An object of S3, or a file, for local use. */
export type StateLocation = { readonly bucket: string; readonly key: string } | { readonly path: string };

export function openStateStore(location: StateLocation): StateStore {
  return 'path' in location ? new StateFile(location.path) : new S3Object(location.bucket, location.key);
}
