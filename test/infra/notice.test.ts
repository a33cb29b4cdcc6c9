import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { bundle } from '../../infra/bundle/bundle.ts';
import { noticeOf } from '../../infra/bundle/licences.ts';

const ROOT = join(import.meta.dirname, '..', '..');

test('a bundle has a NOTICE beside it, with each bundled package, its version, licence and text', async () => {
  const path = await bundle('rpc-ping');
  const notice = readFileSync(join(dirname(path), 'NOTICE'), 'utf8');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'node_modules/amqplib/package.json'), 'utf8'));
  expect(notice).toContain(`\namqplib ${version} (MIT)\n`);
  expect(notice).toContain('Permission is hereby granted');
  const names = [...notice.matchAll(/^(@?[\w./-]+) [\d.]+ \(.+\)$/gm)].map(([, name]) => name);
  expect(names).toContain('@middy/core');
  expect(names).not.toContain('esbuild');
});

test('a package that does not say its licence fails the build, which names the package', async () => {
  const root = mkdtempSync(join(tmpdir(), 'guest-rpc-ping-notice-'));
  mkdirSync(join(root, 'node_modules/unlicensed'), { recursive: true });
  writeFileSync(join(root, 'node_modules/unlicensed/package.json'), '{"name": "unlicensed"}');
  await expect(noticeOf(root, ['node_modules/unlicensed/index.js'])).rejects.toThrow(
    'unlicensed does not say',
  );
  rmSync(root, { recursive: true });
});
