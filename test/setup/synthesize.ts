import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { type Bundles, bundleAll } from '../../infra/bundle/bundle.ts';
import { GuestRpcPingStack } from '../../infra/guest-rpc-ping-stack.ts';
import { readSettings } from '../../infra/settings/deployment-settings.ts';

const CDK_JSON = join(import.meta.dirname, '..', '..', 'cdk.json');

/**
 * Synthesizes the stack that `cdk deploy` would deploy.
 *
 * @param settings added to those of `cdk.json`
 * @throws InvalidSetting
 */
export async function synthesize(
  outdir: string,
  settings: Readonly<Record<string, unknown>> = {},
  bundles: Bundles | Promise<Bundles> = bundleAll(),
): Promise<GuestRpcPingStack> {
  const { context } = JSON.parse(readFileSync(CDK_JSON, 'utf8'));
  const app = new App({
    outdir,
    context: { ...context, ...settings, '@aws-cdk/core:annotationsInValidationReport': false }, // which would be printed
    builtinCloudFormationValidation: false, // takes seconds; `cdk synth` and a test do it
  });
  const read = readSettings(app.node.getAllContext());
  const stack = new GuestRpcPingStack(app, read.stackName, read, await bundles);
  app.synth();
  return stack;
}
