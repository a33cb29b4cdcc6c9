import { spawn } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { lineOf } from '../../../../infra/local/parts/child.ts';

test('a child process that ends too early: what it said on its standard error', async () => {
  const child = spawn('sh', ['-c', 'echo no such key >&2; exit 1']);
  await expect(lineOf(child, /^ready$/)).rejects.toThrow('sh exited early:\nno such key');
});
