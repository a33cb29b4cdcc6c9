import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { bundleAll } from './bundle/bundle.ts';
import { readDeployments } from './settings/deployment-files.ts';
import { SETTINGS } from './settings/deployment-settings.ts';
import { InvalidSettings } from './settings/invalid-settings.ts';
import { addDeployment } from './stacks.ts';

// The CDK application: the CDK command line runs this file, as `cdk.json` says. Its argument is another folder of settings.

try {
  const [folder = 'infra/deployments'] = process.argv.slice(2);
  const deployments = readDeployments(folder, { isCi: process.env['CI'] === 'true' });
  const app = new App({ outdir: process.env['CDK_OUTDIR'] ?? 'cdk.out' }); // by default in the temporary folder
  const strays = Object.keys(app.node.getAllContext()).filter((name) => SETTINGS.has(name));
  if (strays.length > 0)
    console.error(
      `${strays.join(', ')} in CDK's context are not read: settings are in ${folder}/<name>.json.`,
    );
  const bundles = await bundleAll();
  for (const settings of deployments) addDeployment(app, settings, bundles);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
} catch (error) {
  if (!(error instanceof InvalidSettings)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
