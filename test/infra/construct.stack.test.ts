import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { AccountPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { GuestRpcPing } from '../../infra/guest-rpc-ping.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { OPTIONS, readOptions } from '../../infra/settings/deployment-settings.ts';
import { InvalidSettings } from '../../infra/settings/invalid-settings.ts';
import { standInBundles } from './synthesis.ts';
import { ENDPOINT } from './variants.ts';

// The construct in somebody's own application, which has a VPC, a broker, a secret, a topic and a caller already.

let folder: TemporaryFolder;
let template: Template;
let invokable: string;

beforeAll(async () => {
  folder = new TemporaryFolder('host');
  const stack = new Stack(new App({ outdir: folder.path }), 'Host');
  const vpc = Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId: 'vpc-0a1b2c3d',
    availabilityZones: ['eu-central-1a'],
    isolatedSubnetIds: ['subnet-0a1b2c3d'],
  });
  const { api } = new GuestRpcPing(stack, 'Pings', {
    vpc,
    broker: {
      name: 'trove',
      endpoint: ENDPOINT,
      secret: new Secret(stack, 'Secret', { encryptionKey: new Key(stack, 'Key') }),
      securityGroup: SecurityGroup.fromSecurityGroupId(stack, 'Broker', 'sg-0a1b2c3d'),
      maxConnections: 1000,
      maxQueues: 1000,
    },
    topic: new Topic(stack, 'Topic'),
    callers: [new Role(stack, 'Caller', { assumedBy: new AccountPrincipal('123456789012') })],
    bundles: await standInBundles(),
  });
  invokable = JSON.stringify(stack.resolve(api.arn));
  template = Template.fromStack(stack);
});

afterAll(() => folder.remove());

/** The statements of the policies of the roles whose logical id begins so. */
function statements(role: string) {
  const policies = Object.values(template.findResources('AWS::IAM::Policy')).map(
    ({ Properties }) => Properties,
  );
  return policies
    .filter(({ Roles: [{ Ref }] }) => Ref.startsWith(role))
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
}

describe("in a host's application", () => {
  test('callers may invoke the ping, and nothing else', () => {
    expect(statements('Caller').map(({ Action, Resource }) => [Action, JSON.stringify(Resource)])).toEqual([
      ['execute-api:Invoke', invokable],
    ]);
  });

  test("alarms publish to the host's topic; no other is made", () => {
    const [topic, ...others] = Object.keys(template.findResources('AWS::SNS::Topic'));
    expect(others).toEqual([]);
    for (const { Properties } of Object.values(template.findResources('AWS::CloudWatch::Alarm')))
      expect(Properties.AlarmActions).toEqual([{ Ref: topic }]);
  });

  test("the functions decrypt by the key of the host's secret", () => {
    const [key] = Object.keys(template.findResources('AWS::KMS::Key'));
    expect(statements('PingsRpcPing')).toContainEqual(
      expect.objectContaining({ Action: 'kms:Decrypt', Resource: { 'Fn::GetAtt': [key, 'Arn'] } }),
    );
  });

  test('no output is made', () => {
    expect(template.toJSON()['Outputs'] ?? {}).toEqual({});
  });
});

describe('options', () => {
  test('what JavaScript lets through is told at once', () => {
    const stack = new Stack(new App({ outdir: folder.file('javascript') }), 'Host'); // by default in the temporary folder
    const vpc = Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-0a1b2c3d',
      availabilityZones: ['a'],
    });
    let made = 0;
    const told = (props: object) => () => new GuestRpcPing(stack, `Pings${made++}`, Object(props));
    expect(told({ controlExchnage: 'trove' })).toThrow(
      new InvalidSettings([
        'controlExchnage is not a property of GuestRpcPing.',
        'vpc is missing.',
        'broker is missing.',
      ]),
    );
    expect(told({ vpc, broker: { name: 'trove', maxQueues: 1000 } })).toThrow(
      new InvalidSettings([
        'vpc has no isolated subnets: set subnets.',
        'broker.securityGroup is missing.',
        'broker.maxConnections is missing.',
        'broker.endpoint or broker.id is missing.',
      ]),
    );
  });

  test('what CDK knows later is taken; what is left out has its default', () => {
    const troveSecretArn = '${Token[TOKEN.12]}';
    const given = { keystoneUrl: 'https://k/v3', keystoneCidr: '10.1.2.0/24' };
    const trove = { troveUrl: 'https://t/v1.0', troveCidr: '10.1.2.0/24', troveSecretArn };
    expect(readOptions({ ...given, ...trove })).toMatchObject({ troveSecretArn, controlExchange: 'trove' });
  });

  test('all that is wrong is told', () => {
    expect(() => readOptions({ rpcTimeoutSeconds: 99, troveUrl: 'https://t/v1.0' })).toThrow(
      /^rpcTimeoutSeconds must be.*\n.*troveUrl needs keystoneUrl\.\n.*\n.*troveUrl needs troveSecretArn\./,
    );
  });

  test.each(Object.keys(OPTIONS.entries))('%s is documented', (name) => {
    const settings = join(import.meta.dirname, '..', '..', 'infra', 'settings', 'deployment-settings.ts');
    expect(readFileSync(settings, 'utf8')).toMatch(new RegExp(`\\*/\n  ${name}: `));
  });
});
