import { mkdir, writeFile } from 'node:fs/promises';
import { afterAll, jest } from '@jest/globals';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { FUNCTIONS } from '../../infra/bundle/bundles.ts';
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

/** A folder with code that does nothing. */
export async function standInBundles(): Promise<string> {
  folder ??= new TemporaryFolder('bundles');
  for (const name of FUNCTIONS) {
    await mkdir(folder.file(name), { recursive: true });
    await writeFile(folder.file(`${name}/index.mjs`), `// ${name}\n`);
  }
  return folder.path;
}
