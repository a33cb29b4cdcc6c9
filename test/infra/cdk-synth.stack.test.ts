import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { EXISTING, type File } from './variants.ts';

const ROOT = join(import.meta.dirname, '..', '..');

let folder: TemporaryFolder;
beforeAll(() => {
  folder = new TemporaryFolder('synth');
});
afterAll(() => folder.remove());

/** Runs `npx cdk synth` as a deployer does, but without an account, credentials or a proxy, and with settings of its own. */
async function synth(file: File, ...more: readonly string[]): Promise<string> {
  const settings = folder.file('deployments');
  mkdirSync(settings, { recursive: true });
  writeFileSync(join(settings, 'trove-eu.json'), JSON.stringify(file));
  writeFileSync(folder.file('.cdk.json'), JSON.stringify({ context: { brokerName: 'of-a-person' } }));
  const env = { PATH: process.env['PATH'], HOME: folder.path, AWS_EC2_METADATA_DISABLED: 'true' };
  const app = `node_modules/.bin/node infra/app.ts ${settings}`;
  const args = [
    '--no-install',
    'cdk',
    'synth',
    '--quiet',
    '--app',
    app,
    '--output',
    folder.file('out'),
    ...more,
  ];
  const { stderr } = await promisify(execFile)('npx', args, { cwd: ROOT, env });
  return stderr;
}

describe('synthesis', () => {
  test("npx cdk synth needs no account, and makes the stack of a file; CDK's context changes nothing, and is told", async () => {
    const told = await synth(EXISTING, '-c', 'vpcId=vpc-00000000');
    expect(told).toContain("brokerName, vpcId in CDK's context are not read");
    expect(existsSync(folder.file('out/trove-eu.template.json'))).toBe(true);
    expect(existsSync(folder.file('deployments/trove-eu.lock.json'))).toBe(false);
  }, 120_000);

  test('npx cdk synth refuses contradicting settings in one sentence, without a stack trace', async () => {
    const refusal = await synth({ ...EXISTING, newBroker: 'cluster' }).catch((error) => error);
    expect(refusal).toMatchObject({ code: 1 });
    expect(refusal.stderr).toContain(
      'trove-eu.json: brokerId is not a setting of a deployment with a new broker.\n',
    );
    expect(refusal.stderr).not.toMatch(/^ +at /m);
  }, 120_000);
});
