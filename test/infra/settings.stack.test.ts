import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib';
import { sample, stringMatching } from 'fast-check';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { readSettings } from '../../infra/settings/deployment-settings.ts';
import { addDeployment } from '../../infra/stacks.ts';
import { standInBundles } from './synthesis.ts';
import { ALL_OPTIONS, type File, KEYSTONE_AND_TROVE, PRIVATE } from './variants.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SCHEMA = JSON.parse(readFileSync(join(ROOT, 'infra/settings/deployment.schema.json'), 'utf8'));
const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8'));
const SAMPLES = { numRuns: 3, seed: 31 };

const folder = new TemporaryFolder('settings');
afterAll(() => folder.remove());

function isTaken(file: File): boolean {
  try {
    return readSettings('trove', file) !== undefined;
  } catch {
    return false;
  }
}

/** The settings with other texts in place of theirs, any that the schema takes. */
function varied(file: File): File[] {
  const files: File[] = Array.from({ length: SAMPLES.numRuns }, () => file);
  const { properties } = SCHEMA.anyOf['newBroker' in file ? 0 : 1];
  for (const [name, value] of Object.entries(file)) {
    const { pattern = properties[name].items?.pattern } = properties[name];
    if (pattern === undefined || (Array.isArray(value) && value.length > 1)) continue;
    const texts = sample(stringMatching(new RegExp(pattern)), { ...SAMPLES, numRuns: 1000 });
    const values = texts.map((text) => (Array.isArray(value) ? [text] : text));
    const taken = values.filter((other) => isTaken({ ...file, [name]: other }));
    for (const [at, before] of files.entries()) files[at] = { ...before, [name]: taken[at] };
  }
  return files;
}

test.each(
  Object.entries({ ALL_OPTIONS, KEYSTONE_AND_TROVE, PRIVATE }).flatMap(([kind, file]) =>
    varied(file).map((one): [string, File] => [kind, one]),
  ),
)("what the schema takes, CDK and CloudFormation's schemas take: %s, %j", async (_kind, file) => {
  const app = new App({ outdir: folder.path, context, builtinCloudFormationValidation: true });
  addDeployment(app, readSettings('trove', file), await standInBundles());
  expect(() => app.synth()).not.toThrow();
});
