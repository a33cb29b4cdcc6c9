import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, type Stack } from 'aws-cdk-lib';
import { bundleAll } from '../../infra/bundle/bundle.ts';
import { readSettings } from '../../infra/settings/deployment-settings.ts';
import { addDeployment } from '../../infra/stacks.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const EXAMPLE = join(ROOT, 'infra', 'deployments', 'examples', 'existing-broker.json');

/** The name of the deployment that the tests run. */
const NAME = 'GuestRpcPing';

/**
 * Synthesizes what `cdk deploy` would deploy.
 *
 * @param settings by default those of the example beside an existing broker
 * @throws InvalidSettings
 */
export async function synthesize(
  outdir: string,
  settings: Readonly<Record<string, unknown>> = JSON.parse(readFileSync(EXAMPLE, 'utf8')),
  bundles: string | Promise<string> = bundleAll(),
  name = NAME,
): Promise<Stack> {
  const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8'));
  const app = new App({
    outdir,
    context: { ...context, '@aws-cdk/core:annotationsInValidationReport': false }, // which would be printed
    builtinCloudFormationValidation: false, // takes seconds; `cdk synth` and a test do it
  });
  const stack = addDeployment(app, readSettings(name, settings), await bundles);
  app.synth();
  return stack;
}
