import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { EXISTING, ID } from './variants.ts';

const ROOT = join(import.meta.dirname, '..', '..');

let folder: string | undefined;
afterEach(async () => {
  if (folder) await rm(folder, { recursive: true });
});

/** Runs `npx cdk synth` as a deployer does, but without an account, credentials or a proxy. */
async function synth(settings: Readonly<Record<string, string>>): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'guest-rpc-ping-synth-'));
  const context = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const env = { PATH: process.env['PATH'], HOME: folder, AWS_EC2_METADATA_DISABLED: 'true' };
  const args = ['--no-install', 'cdk', 'synth', '--quiet', '--output', folder, ...context];
  await promisify(execFile)('npx', args, { cwd: ROOT, env });
}

describe('synthesis', () => {
  test('npx cdk synth needs no account, and takes settings from the command line', async () => {
    await synth({ ...EXISTING, stackName: 'Other' });
    expect(existsSync(join(folder ?? '', 'Other.template.json'))).toBe(true);
  }, 120_000);

  test('npx cdk synth refuses contradicting settings in one sentence, without a stack trace', async () => {
    const refusal = await synth({ newBroker: 'cluster', brokerId: ID }).catch((error) => error);
    expect(refusal).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        'newBroker is for a new broker and brokerId for an existing one: set one of the two.\n',
      ),
    });
    expect(refusal.stderr).not.toMatch(/^ +at /m);
  }, 120_000);
});
