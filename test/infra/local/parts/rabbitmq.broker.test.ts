import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from '@jest/globals';
import { eventually } from '../../../setup/eventually.ts';
import { SHARED_RABBIT } from '../../../setup/test-broker.ts';

const STARTER = `
import { RabbitMqServer } from '${join(import.meta.dirname, '..', '..', '..', '..', 'infra', 'local', 'parts', 'rabbitmq.ts')}';
const booting = RabbitMqServer.start();
await new Promise((resolve) => setImmediate(resolve));
console.log('booting');
await booting;
`;

/** The processes that have this text in their environment. */
function processesWith(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text);
    } catch {
      return false;
    }
  });
}

const onLinux = existsSync('/proc/self/environ') && !process.env['TEST_WITHOUT_TROVE'] ? test : test.skip;

onLinux('two test files may evaluate at the same time', async () => {
  await Promise.all([1, 2].map(() => SHARED_RABBIT.eval('timer:sleep(300)')));
});

onLinux('a RabbitMQ whose starter is killed while it boots leaves no process and no folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'guest-rpc-ping-test-'));
  const starter = spawn(process.execPath, ['--input-type=module-typescript', '--eval', STARTER], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: folder },
  });
  await once(createInterface(starter.stdout), 'line');
  // RabbitMQ's home is within the folder.
  await eventually(
    async () => processesWith(`HOME=${folder}/`).length,
    (count) => count > 1,
  );

  starter.kill('SIGKILL');
  const left = async () => [...processesWith(folder), ...readdirSync(folder)];
  await eventually(left, (all) => all.length === 0);
  rmSync(folder, { recursive: true });
});
