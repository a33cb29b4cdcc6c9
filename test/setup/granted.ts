import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Permissions } from './test-broker.ts';

/** The permissions that the manual of infra/ grants to the broker's user. */
export const GRANTED: Permissions = {
  configure: inManual('configure'),
  write: inManual('write'),
  read: inManual('read'),
};

function inManual(permission: string): string {
  const manual = readFileSync(join(import.meta.dirname, '..', '..', 'infra', 'README.md'), 'utf8');
  const [, pattern] = new RegExp(`^\\| ${permission} \\| \`(.*?)\``, 'm').exec(manual) ?? [];
  if (pattern === undefined) throw new Error(`infra/README.md does not say what to grant for ${permission}`);
  return pattern.replaceAll('\\|', '|'); // Markdown escapes | in a table
}
