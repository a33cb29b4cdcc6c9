import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterThisProcess } from '../../infra/local/parts/child.ts';
import { eventually } from '../setup/eventually.ts';

const CGROUPS = '/sys/fs/cgroup';

/** The period in which Lambda counts a function's processor time, in microseconds. */
const PERIOD_US = 20_000;

/** The memory, in megabytes, with which a function has a whole processor, as Lambda's documentation says. */
export const WHOLE_PROCESSOR_MB = 1769;

/**
 * A cpu cgroup for the processes of one execution environment after the other. Lambda gives a function that starts one
 * whole processor, and from its first invocation on the share that belongs to its memory.
 */
export class ProcessorShare {
  readonly #path: string;
  readonly #isUnified: boolean;
  readonly #cancel: () => void;

  /** @returns undefined where this process may not make cgroups */
  static make(name: string): ProcessorShare | undefined {
    const isUnified = existsSync(join(CGROUPS, 'cgroup.controllers'));
    const path = join(CGROUPS, isUnified ? '' : 'cpu', `guest-rpc-ping-${name}-${process.pid}`);
    try {
      // Controllers of a unified hierarchy are those that the parent passes on.
      if (isUnified) writeFileSync(join(CGROUPS, 'cgroup.subtree_control'), '+cpu');
      mkdirSync(path);
    } catch {
      return undefined;
    }
    const share = new ProcessorShare(path, isUnified);
    share.give(WHOLE_PROCESSOR_MB);
    return share;
  }

  private constructor(path: string, isUnified: boolean) {
    this.#path = path;
    this.#isUnified = isUnified;
    this.#cancel = afterThisProcess('sleep 1; rmdir "$1"', path);
  }

  /** What to run so that a program starts within the cgroup. */
  command(program: string, args: readonly string[]): [program: string, args: string[]] {
    return ['sh', ['-c', 'echo $$ > "$0" && exec "$@"', join(this.#path, 'cgroup.procs'), program, ...args]];
  }

  /** From now on, the processes have what Lambda gives to that much memory, and one processor at most. */
  give(memoryMb: number): void {
    const quotaUs = Math.round(Math.min(1, memoryMb / WHOLE_PROCESSOR_MB) * PERIOD_US);
    if (this.#isUnified) {
      writeFileSync(join(this.#path, 'cpu.max'), `${quotaUs} ${PERIOD_US}`);
    } else {
      writeFileSync(join(this.#path, 'cpu.cfs_period_us'), String(PERIOD_US));
      writeFileSync(join(this.#path, 'cpu.cfs_quota_us'), String(quotaUs));
    }
  }

  /** Removes the cgroup, whose processes must have ended. */
  async remove(): Promise<void> {
    await eventually(
      async () => readFileSync(join(this.#path, 'cgroup.procs'), 'utf8'),
      (processes) => processes === '',
    );
    rmdirSync(this.#path);
    this.#cancel();
  }
}
