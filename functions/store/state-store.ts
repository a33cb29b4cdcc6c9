import type { Deadline } from '../time/deadline.ts';
import { S3Object } from './s3-object.ts';
import { StateFile } from './state-file.ts';

/** An object of S3, or a file, for local use. */
export type StateLocation = { readonly bucket: string; readonly key: string } | { readonly path: string };

/** What is kept, and which version of it this is. */
export interface StoredText {
  readonly text: string;
  readonly version: string;
}

/** One text that is read and replaced as a whole. */
export interface StateStore {
  /** @returns undefined where nothing is kept @throws StateUnavailable */
  read(deadline: Deadline): Promise<StoredText | undefined>;

  /**
   * Replaces the version that was read; undefined: there was none.
   *
   * @throws StateConflict, StateUnavailable
   */
  replace(version: string | undefined, text: string, deadline: Deadline): Promise<void>;
}

export function openStateStore(location: StateLocation): StateStore {
  return 'path' in location ? new StateFile(location.path) : new S3Object(location.bucket, location.key);
}
