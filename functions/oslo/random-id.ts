import { randomUUID } from 'node:crypto';

/** 32 random hex digits, as Python's `uuid4().hex`. */
export function randomId(): string {
  return randomUUID().replaceAll('-', '');
}
