import type { Deadline } from '../time/deadline.ts';

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
