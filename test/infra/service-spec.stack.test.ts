import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Synthesized } from '../setup/synthesized.ts';
import { stackWith } from './synthesis.ts';
import { EXISTING, type File, NEW } from './variants.ts';

// The templates beside AWS's own specification of what CloudFormation takes.

const SPEC = loadAwsServiceSpecSync();

const MATRIX: Readonly<Record<string, File>> = {
  'a new single instance': NEW,
  'a new cluster with all options': {
    ...NEW,
    newBroker: 'cluster',
    brokerKmsKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/0a1b',
    availabilityZones: ['eu-central-1a', 'eu-central-1b'],
    maintenanceWindow: 'SUNDAY 03:30',
    troveUser: true,
    clientCidrs: ['10.1.0.0/16'],
    describeBroker: true,
    alarmEmail: 'a@example.com',
    tags: { team: 'databases' },
  },
  'an existing broker': EXISTING,
  Keystone: {
    ...EXISTING,
    s3PrefixListId: 'pl-0123abcd',
    routeTableIds: ['rtb-0123abcd'],
    keystoneUrl: 'https://keystone.example/v3',
    keystoneSecurityGroupId: 'sg-0123abcd',
  },
};

/** What the specification says of a type; undefined: it does not know the type. */
function specified(type: string) {
  const [resource] = SPEC.lookup('resource', 'cloudFormationType', 'equals', type);
  return resource;
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

  test('each type is known, has its required properties, and no others than it takes', () => {
    for (const [id, { Type: type, Properties: properties = {} }] of Object.entries(resources)) {
      if (type.startsWith('Custom::')) continue;
      const known = Object.entries(specified(type)?.properties ?? {});
      expect([id, known.length]).not.toEqual([id, 0]);
      const required = known.filter(([, property]) => property.required).map(([name]) => name);
      expect([id, required.filter((name) => !(name in properties))]).toEqual([id, []]);
      const names = new Set([...known.map(([name]) => name), 'Tags']);
      expect([id, Object.keys(properties).filter((name) => !names.has(name))]).toEqual([id, []]);
    }
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
