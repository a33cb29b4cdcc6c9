import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Synthesized } from '../setup/synthesized.ts';
import { stackWith, violations } from './synthesis.ts';
import { CERTIFICATE, EXISTING, KEY, NEW } from './variants.ts';

// A customer managed key for all there is, a name of one's own, and what a stack gives people and programs to use.

const PING = '/GET/v1.0/*/mgmt/instances/*/rpc_ping';

let stack: Synthesized;

function all(type: string) {
  return stack.resources(type).map(Object);
}

/** The actions of a managed policy, each with its resources as text. */
function granted(logicalId: string): [action: string, resources: string][] {
  const [policy] = Object.entries(stack.template.Resources)
    .filter(
      ([id, { Type: type }]) => type === 'AWS::IAM::ManagedPolicy' && id.startsWith(`Policies${logicalId}`),
    )
    .map(([, { Properties: properties }]) => Object(properties));
  return [policy?.PolicyDocument.Statement ?? []]
    .flat()
    .flatMap(({ Action: actions, Resource: resources }) =>
      [actions].flat().map((action): [string, string] => [action, JSON.stringify(resources)]),
    );
}

describe('with a key and a name', () => {
  beforeAll(async () => {
    stack = await stackWith({
      ...NEW,
      kmsKeyArn: KEY,
      domainName: 'ping.example.com',
      certificateArn: CERTIFICATE,
    });
  });

  test('the key encrypts topic, logs, state and secrets', () => {
    for (const { KmsMasterKeyId: key } of all('AWS::SNS::Topic')) expect(key).toBe(KEY);
    for (const { KmsKeyId: key } of all('AWS::Logs::LogGroup')) expect(key).toBe(KEY);
    for (const { KmsKeyId: key } of all('AWS::SecretsManager::Secret')) expect(key).toBe(KEY);
    const [{ BucketEncryption: encryption }] = all('AWS::S3::Bucket');
    expect(encryption.ServerSideEncryptionConfiguration).toEqual([
      {
        BucketKeyEnabled: true,
        ServerSideEncryptionByDefault: { KMSMasterKeyID: KEY, SSEAlgorithm: 'aws:kms' },
      },
    ]);
    for (const type of ['SNS::Topic', 'Logs::LogGroup', 'SecretsManager::Secret', 'S3::Bucket'])
      expect(all(`AWS::${type}`).length).toBeGreaterThan(0);
  });

  test.each([
    ['RpcPing', ['secretsmanager kms:Decrypt']],
    ['HealthCheck', ['s3 kms:Decrypt', 's3 kms:GenerateDataKey', 'secretsmanager kms:Decrypt']],
    ['FleetPage', ['s3 kms:Decrypt']],
  ])('%s may use it for what it reads and writes, through that service alone', (role, expected) => {
    const statements = all('AWS::IAM::Policy')
      .filter(({ PolicyName: name }) => name.startsWith(role))
      .flatMap(({ PolicyDocument: document }) => document.Statement)
      .filter(({ Action: actions }) => JSON.stringify(actions).includes('kms:'));
    const uses = statements.flatMap(({ Action: actions, Resource: resource, Condition: condition }) => {
      expect(resource).toBe(KEY);
      const [service] = condition.StringEquals['kms:ViaService']['Fn::Join'][1][0].split('.');
      return [actions].flat().map((action) => `${service} ${action}`);
    });
    expect(uses.sort()).toEqual(expected);
  });

  test("S3's endpoint lets through what is S3's", () => {
    const [gateway] = all('AWS::EC2::VPCEndpoint').filter(({ VpcEndpointType: type }) => type === 'Gateway');
    expect(JSON.stringify(gateway.PolicyDocument)).not.toContain('kms:');
  });

  test('the name leads to the API over TLS 1.2, and is the URL', () => {
    expect(all('AWS::ApiGatewayV2::DomainName')).toMatchObject([
      {
        DomainName: 'ping.example.com',
        DomainNameConfigurations: [
          { CertificateArn: CERTIFICATE, EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' },
        ],
      },
    ]);
    expect(all('AWS::ApiGatewayV2::ApiMapping')).toHaveLength(1);
    const { Url: url, DomainTarget: target } = Object(stack.template.Outputs);
    expect(url.Value).toBe('https://ping.example.com');
    expect(JSON.stringify(target.Value)).toContain('RegionalDomainName');
  });

  test('cdk-nag finds nothing', () => expect(violations(stack)).toEqual([]));
});

describe('for people and programs', () => {
  test("a caller's policy is for the ping alone, a viewer's for the dashboard and the fleet", async () => {
    stack = await stackWith(NEW);
    const [[action, resources] = ['', ''], ...others] = granted('Caller');
    expect([action, others]).toEqual(['execute-api:Invoke', []]);
    expect(resources).toContain(PING);
    const viewer = granted('Viewer');
    expect(viewer.map(([name]) => name).sort()).toEqual([
      'cloudwatch:DescribeAlarms',
      'cloudwatch:GetDashboard',
      'cloudwatch:GetMetricData',
      'cloudwatch:ListMetrics',
      'execute-api:Invoke',
      'lambda:InvokeFunction',
    ]);
    expect(Object.fromEntries(viewer)['lambda:InvokeFunction']).toMatch(/FleetPage/);
    expect(Object.fromEntries(viewer)['execute-api:Invoke']).not.toContain('rpc_ping');
    const { CallerPolicy: caller, ViewerPolicy: viewers } = Object(stack.template.Outputs);
    expect([caller, viewers]).toEqual([
      { ...caller, Value: { Ref: expect.stringMatching(/^PoliciesCaller/) } },
      viewers,
    ]);
  });

  test('without a state, a viewer may query the log that the dashboard shows', async () => {
    stack = await stackWith(EXISTING);
    expect(granted('Viewer').map(([name]) => name)).toEqual(
      expect.arrayContaining(['logs:StartQuery', 'logs:GetQueryResults']),
    );
  });

  test("where Keystone decides, there is no caller's policy", async () => {
    stack = await stackWith({
      ...EXISTING,
      keystoneUrl: 'https://k.example/v3',
      keystoneCidr: '10.1.2.0/24',
    });
    expect(granted('Caller')).toEqual([]);
    expect(violations(stack)).toEqual([]);
  });

  test('URL, dashboard and topic are parameters, by the name of the stack', async () => {
    stack = await stackWith(NEW);
    expect(
      all('AWS::SSM::Parameter')
        .map(({ Name: name }) => name)
        .sort(),
    ).toEqual([
      '/guest-rpc-ping/GuestRpcPing/alarm-topic',
      '/guest-rpc-ping/GuestRpcPing/dashboard-url',
      '/guest-rpc-ping/GuestRpcPing/url',
    ]);
  });
});
