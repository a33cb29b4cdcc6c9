import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { REASONS } from '../functions/guest/reason.ts';
import { GRANTED } from './setup/granted.ts';

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

  test('of every setting that the deployer has', () => {
    const sources = ['settings.ts', 'broker-settings.ts'].map((name) =>
      readFileSync(join(import.meta.dirname, '..', 'infra', name), 'utf8'),
    );
    const asked = sources.join().matchAll(/(?:context\.\w+|required)\(\s*'(\w+)'/g);
    const settings = new Set(Array.from(asked, ([, name]) => name));
    expect(settings.size).toBeGreaterThan(20);
    const table = README.split('\n').filter((line) => /^\| `[a-z]+[A-Z]/.test(line));
    for (const setting of settings) expect(table.join()).toContain(`\`${setting}\``);
  });

  test('to grant the same permissions by HTTP and by rabbitmqctl as in the table', () => {
    const { configure, write, read } = GRANTED;
    const [, body = ''] = /-d '(\{"configure".*?\})'/.exec(README) ?? [];
    expect(JSON.parse(body)).toEqual(GRANTED);
    expect(README).toContain(`set_permissions guest-rpc-ping '${configure}' '${write}' '${read}'`);
  });
});
