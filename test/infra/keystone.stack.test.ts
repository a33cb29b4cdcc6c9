import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Match, Template } from 'aws-cdk-lib/assertions';

import { LambdaProcess } from '../../infra/local/parts/lambda-process.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { makeCertificates } from '../setup/certificates.ts';
import { vouchFor } from '../setup/keystone-stand-in.ts';
import { Synthesized } from '../setup/synthesized.ts';
import { stackWith, violations } from './synthesis.ts';
import { EXISTING, type File, NEW } from './variants.ts';

const BY_CIDR = { ...NEW, keystoneUrl: 'https://keystone.example:5000/v3', keystoneCidr: '10.1.2.0/24' };
const WITH_TROVE = {
  ...BY_CIDR,
  troveUrl: 'https://trove.example:8779/v1.0',
  troveSecurityGroupId: 'sg-0f1e2d3c4b5a69789',
  troveSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:trove-list-AbCdEf',
  expectedSilenceMinutes: 30,
};
const BY_GROUP = {
  ...EXISTING,
  keystoneUrl: 'https://keystone.example/identity/v3',
  keystoneSecurityGroupId: 'sg-0f1e2d3c4b5a69788',
  keystoneAdminRoles: 'admin,db_operator',
};

let folder: TemporaryFolder;
let made: Synthesized | undefined;
beforeAll(async () => {
  folder = new TemporaryFolder('ca');
  await makeCertificates(folder.path, 'good');
});
afterAll(() => folder.remove());

async function synthesize(settings: File): Promise<Template> {
  made = await stackWith(settings);
  return Template.fromJSON({ ...made.template });
}

test('API Gateway lets every request through to the function, throttled, where Keystone is asked', async () => {
  const template = await synthesize(BY_CIDR);
  template.allResourcesProperties('AWS::ApiGatewayV2::Route', { AuthorizationType: 'NONE' });
  template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
    DefaultRouteSettings: { ThrottlingRateLimit: 300, ThrottlingBurstLimit: 300 },
  });
  template.hasOutput('Curl', {
    Value: { 'Fn::Join': ['', Match.arrayWith([Match.stringLikeRegexp('X-Auth-Token')])] },
  });
  expect(template.findOutputs('ApiArn')).toEqual({});
});

test('what answers callers alone knows Keystone, and has a way to its port, by addresses', async () => {
  const template = await synthesize(BY_CIDR);
  expect(made?.function('rpc-ping').environment).toMatchObject({
    KEYSTONE_URL: BY_CIDR.keystoneUrl,
    KEYSTONE_ADMIN_ROLES: 'admin',
  });
  expect(made?.function('health-check').environment).not.toHaveProperty('KEYSTONE_URL');
  template.hasResourceProperties('AWS::EC2::SecurityGroup', {
    SecurityGroupEgress: [
      { CidrIp: '10.1.2.0/24', FromPort: 5000, ToPort: 5000, IpProtocol: 'tcp', Description: 'Keystone' },
    ],
  });
  const [way = 'no group'] = Object.entries(template.findResources('AWS::EC2::SecurityGroup'))
    .filter(([, group]) => JSON.stringify(group).includes('"Description":"Keystone"'))
    .map(([logicalId]) => logicalId);
  const onTheWay = (made?.resources('AWS::Lambda::Function') ?? []).filter(({ VpcConfig = {} }) =>
    JSON.stringify(VpcConfig).includes(way),
  );
  expect(onTheWay.map(({ FunctionName }) => FunctionName)).toEqual([
    'GuestRpcPing-fleet',
    'GuestRpcPing-rpc-ping',
  ]);
  const toBroker = onTheWay.map(({ VpcConfig }) => /"Network\w*Functions?/.test(JSON.stringify(VpcConfig)));
  expect(toBroker).toEqual([false, true]);
  expect(made?.function('fleet').environment).toMatchObject({ KEYSTONE_URL: BY_CIDR.keystoneUrl });
});

test("the way to a security group leads to Keystone's port on both sides, and nowhere else", async () => {
  const template = await synthesize(BY_GROUP);
  const keystone = BY_GROUP.keystoneSecurityGroupId;
  template.hasResourceProperties('AWS::EC2::SecurityGroupEgress', {
    DestinationSecurityGroupId: keystone,
    FromPort: 443,
    ToPort: 443,
  });
  template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
    GroupId: keystone,
    FromPort: 443,
    ToPort: 443,
  });
  for (const { SecurityGroupEgress } of made?.resources('AWS::EC2::SecurityGroup') ?? [])
    expect(SecurityGroupEgress).toEqual([expect.objectContaining({ CidrIp: '255.255.255.255/32' })]);
  expect(made?.function('rpc-ping').environment).toMatchObject({ KEYSTONE_ADMIN_ROLES: 'admin,db_operator' });
});

test('without keystoneUrl, nothing of Keystone is in the stack', async () => {
  const template = await synthesize(NEW);
  expect(JSON.stringify(template.toJSON())).not.toMatch(/keystone/i);
  template.allResourcesProperties('AWS::ApiGatewayV2::Route', { AuthorizationType: 'AWS_IAM' });
});

test("cdk-nag's AwsSolutions finds nothing with Keystone either", async () => {
  for (const values of [BY_CIDR, BY_GROUP]) expect(violations(await stackWith(values))).toEqual([]);
});

describe('the certificates of a private CA', () => {
  test('the certificates of a private CA travel with what asks Keystone alone, without anything else of their file', async () => {
    await writeFile(
      folder.file('commented.pem'),
      `A comment\n${readFileSync(folder.file('ca.pem'), 'utf8')}`,
    );
    await synthesize({ ...BY_CIDR, caCertificates: folder.file('commented.pem') });
    const { bundlePath, environment } = made?.function('rpc-ping') ?? { bundlePath: '' };
    const laid = readFileSync(join(dirname(bundlePath), 'ca-certificates.pem'), 'utf8');
    expect(laid).toBe(readFileSync(folder.file('ca.pem'), 'utf8'));
    expect(environment).toMatchObject({ NODE_EXTRA_CA_CERTS: '/var/task/ca-certificates.pem' });
    expect(made?.function('health-check').environment).not.toHaveProperty('NODE_EXTRA_CA_CERTS');
  });

  test('the asset trusts a Keystone by these certificates that it would not trust without', async () => {
    const [key = '', cert = ''] = ['good.key', 'good.pem'].map((name) =>
      readFileSync(folder.file(name), 'utf8'),
    );
    const server = createServer({ key, cert }, vouchFor()).listen(0, 'localhost');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    try {
      await using stack = new AsyncDisposableStack();
      const withBundle = await Synthesized.stack({ ...BY_CIDR, caCertificates: folder.file('ca.pem') });
      stack.adopt(withBundle, (synthesized) => synthesized.remove());
      const shipped = withBundle.function('rpc-ping');
      const { bundlePath, environment } = shipped;
      const settings = { BROKER_URL: 'amqp://127.0.0.1:1', KEYSTONE_URL: `https://localhost:${port}/v3` };
      const trusted = String(environment['NODE_EXTRA_CA_CERTS']).replace('/var/task', dirname(bundlePath));
      const statusWith = async (more: Record<string, string>) => {
        const lambda = await LambdaProcess.start(shipped, { ...settings, ...more }, () => undefined);
        const event = { routeKey: '$default', rawPath: '/v1.0/tenant/x', headers: { 'x-auth-token': 't' } };
        return Object(await lambda.invoke(event).finally(() => lambda.end())).statusCode;
      };
      expect(await statusWith({})).toBe(503);
      expect(await statusWith({ NODE_EXTRA_CA_CERTS: trusted })).toBe(404); // let in, to where nothing is
    } finally {
      server.close();
    }
  });
});

describe("with Trove's list", () => {
  test('the health check alone asks Trove, and Keystone for a token, each on its own port', async () => {
    const template = await synthesize(WITH_TROVE);
    expect(made?.function('health-check').environment).toMatchObject({
      TROVE_URL: WITH_TROVE.troveUrl,
      TROVE_SECRET_ID: WITH_TROVE.troveSecretArn,
      EXPECTED_SILENCE_MINUTES: '30',
      KEYSTONE_URL: BY_CIDR.keystoneUrl,
    });
    expect(made?.function('rpc-ping').environment).not.toHaveProperty('TROVE_URL');
    template.hasResourceProperties('AWS::EC2::SecurityGroupEgress', {
      DestinationSecurityGroupId: WITH_TROVE.troveSecurityGroupId,
      FromPort: 8779,
      ToPort: 8779,
    });
    const groups = (made?.resources('AWS::Lambda::Function') ?? []).map(
      ({ FunctionName: name, VpcConfig: vpc }) => [name, JSON.stringify(vpc ?? {})],
    );
    const withTrove = groups.filter(([, vpc]) => vpc?.includes('TroveFunction')).map(([name]) => name);
    expect(withTrove).toEqual(['GuestRpcPing-health-check']);
    const withKeystone = groups.filter(([, vpc]) => vpc?.includes('KeystoneFunction')).map(([name]) => name);
    expect(withKeystone).toEqual([
      'GuestRpcPing-fleet',
      'GuestRpcPing-rpc-ping',
      'GuestRpcPing-health-check',
    ]);
  });

  test("Trove's credential may be read by the health check alone, and passes Secrets Manager's endpoint", async () => {
    const template = await synthesize(WITH_TROVE);
    const readers = Object.values(template.findResources('AWS::IAM::Policy'))
      .filter((policy) => JSON.stringify(policy).includes(WITH_TROVE.troveSecretArn))
      .map(({ Properties: { PolicyName } }) => String(PolicyName));
    expect(readers).toEqual([expect.stringMatching(/^HealthCheck/)]);
    template.hasResourceProperties('AWS::EC2::VPCEndpoint', {
      PolicyDocument: {
        Statement: [Match.objectLike({ Resource: Match.arrayWith([WITH_TROVE.troveSecretArn]) })],
      },
    });
  });

  test("cdk-nag's AwsSolutions finds nothing", async () => {
    expect(violations(await stackWith(WITH_TROVE))).toEqual([]);
  });
});
