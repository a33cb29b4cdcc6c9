import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { REASONS } from '../functions/guest/reason.ts';

const README = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');

describe('the README tells the operator', () => {
  test.each(Object.keys(REASONS))('what %s means and what to check', (reason) => {
    const rows = README.split('\n').filter((line) => line.startsWith(`| \`${reason}\` |`));
    expect(rows).toHaveLength(1);
  });

  test('of every setting that the function reads', () => {
    const config = readFileSync(join(import.meta.dirname, '..', 'functions', 'config.ts'), 'utf8');
    const settings = new Set(config.match(/\b(?:BROKER|GUEST|CONTROL|RPC|NO_CONSUMER)_[A-Z_]+\b/g));
    for (const setting of settings) expect(README).toContain(`| \`${setting}\` |`);
  });
});
