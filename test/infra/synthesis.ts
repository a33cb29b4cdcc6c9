import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, jest } from '@jest/globals';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import type { Bundles } from '../../infra/bundle/bundles.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { Synthesized } from '../setup/synthesized.ts';
import type { File } from './variants.ts';

jest.setTimeout(120_000); // the first synthesis of a process loads the CDK

const made = new Map<string, Promise<Synthesized>>();
let folder: TemporaryFolder | undefined;

afterAll(async () => {
  for (const one of made.values()) await (await one).remove();
  await folder?.remove();
});

/** The stacks with these settings, synthesized once in each test file. The functions' code is a stand-in. */
export function stackWith(settings: File, name?: string): Promise<Synthesized> {
  const key = JSON.stringify([settings, name]);
  const one = made.get(key) ?? standInBundles().then((bundles) => Synthesized.stack(settings, bundles, name));
  made.set(key, one);
  return one;
}

/** What cdk-nag's AwsSolutions and Serverless find in all stacks. */
export function violations(synthesized: Synthesized | undefined) {
  if (synthesized?.stack === undefined) throw new Error('Not synthesized');
  const { root } = synthesized.stack.node;
  return [new AwsSolutionsChecks(), new ServerlessChecks()].flatMap(
    (pack) => pack.validateScope(root).violations,
  );
}

/** Folders with code that does nothing. */
export async function standInBundles(): Promise<Bundles> {
  folder ??= new TemporaryFolder('bundles');
  const pathOf = async (name: string) => {
    const path = folder?.file(name) ?? name;
    await mkdir(path, { recursive: true });
    await writeFile(`${path}/index.mjs`, `// ${name}\n`);
    return path;
  };
  return {
    'rpc-ping': await pathOf('rpc-ping'),
    'health-check': await pathOf('health-check'),
    'fleet-page': await pathOf('fleet-page'),
    fleet: await pathOf('fleet'),
    'broker-users': await pathOf('broker-users'),
  };
}
