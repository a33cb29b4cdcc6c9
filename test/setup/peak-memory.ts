import { readFileSync } from 'node:fs';

/** The greatest resident set that a process ever had, in megabytes, from Linux's /proc. */
export function peakMemoryMb(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
