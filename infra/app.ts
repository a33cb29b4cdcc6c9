import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { bundleAll } from './bundle/bundle.ts';
import { GuestRpcPingStack } from './guest-rpc-ping-stack.ts';
import { InvalidSetting } from './settings/cdk-context.ts';
import { readSettings } from './settings/deployment-settings.ts';

// The CDK application: the CDK command line runs this file, as `cdk.json` says.

try {
  const app = new App();
  const settings = readSettings(app.node.getAllContext());
  new GuestRpcPingStack(app, settings.stackName, settings, await bundleAll());
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
} catch (error) {
  if (!(error instanceof InvalidSetting)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
