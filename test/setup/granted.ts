import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Permissions } from './test-broker.ts';

/** What the README tells the operator to grant. */
export const GRANTED: Permissions = {
  configure: inReadme('configure'),
  write: inReadme('write'),
  read: inReadme('read'),
};

function inReadme(permission: string): string {
  const readme = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');
  const [, pattern] = new RegExp(`^\\| ${permission} \\| \`(.*?)\``, 'm').exec(readme) ?? [];
  if (pattern === undefined) throw new Error(`The README does not tell what to grant for ${permission}`);
  return pattern.replaceAll('\\|', '|'); // as a table escapes it
}
