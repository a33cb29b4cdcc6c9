import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { lineOf } from '../../../infra/local/parts/child.ts';
import { TemporaryFolder } from '../../../infra/local/parts/temporary-folder.ts';

const INSTALL = join(import.meta.dirname, '..', '..', '..', 'infra', 'local', 'install.mjs');

/** An npm that needs a moment to clean up. */
const NPM = `#!/bin/sh
trap 'sleep 0.5; touch cleaned; exit 1' INT
echo started >&2
while :; do sleep 0.05; done`;

const folder = new TemporaryFolder('install');
afterAll(() => folder.remove());

test('Ctrl-C waits until npm has removed what is half installed: the next command would trip over it', async () => {
  writeFileSync(folder.file('package-lock.json'), '{}');
  writeFileSync(folder.file('npm'), NPM, { mode: 0o755 });
  const child = spawn(process.execPath, [INSTALL], {
    cwd: folder.path,
    env: { PATH: `${folder.path}:${process.env['PATH']}` },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // a process group, as in a terminal
  });
  const ended = once(child, 'exit');
  await lineOf(child, /started/);
  process.kill(-Number(child.pid), 'SIGINT');
  expect(await ended).toEqual([1, null]);
  expect(existsSync(folder.file('cleaned'))).toBe(true);
});
