import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterThisProcess } from './child.ts';

/** A folder for temporary files, removed by {@link remove}, or when this process has ended. */
export class TemporaryFolder {
  readonly path: string;
  readonly #cancel: () => void;

  constructor(name: string) {
    this.path = mkdtempSync(join(tmpdir(), `guest-rpc-ping-${name}-`));
    // The delay lets child processes that write to the folder end first.
    this.#cancel = afterThisProcess('sleep 2; rm -rf "$1"', this.path);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 5 });
    this.#cancel();
  }
}
