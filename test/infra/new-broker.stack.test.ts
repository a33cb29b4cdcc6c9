import { describe, expect, test } from '@jest/globals';
import { Match, Template } from 'aws-cdk-lib/assertions';
import type { Synthesized } from '../setup/synthesized.ts';
import { stackWith } from './synthesis.ts';
import { ENDPOINT, EXISTING, type File, ID, NEW } from './variants.ts';

let made: Synthesized | undefined;

async function synthesize(settings: File): Promise<Template> {
  made = await stackWith(settings);
  return Template.fromJSON({ ...made.template });
}

/** The properties of all resources of a type. */
function all(type: string) {
  return made?.resources(type) ?? [];
}

/** The text of a broker's configuration. */
function decoded(configuration: Readonly<Record<string, unknown>> | undefined): string {
  return Buffer.from(String(configuration?.['Data']), 'base64').toString();
}

/** The lines of a section of a broker's configuration. */
function sectionOf(configuration: Readonly<Record<string, unknown>> | undefined, section: string): string[] {
  const [, lines = ''] = decoded(configuration).split(`{{${section}}}`);
  return lines.trim().split('\n');
}

/** The threshold of the alarm on a metric. */
function threshold(metric: string): unknown {
  return all('AWS::CloudWatch::Alarm').find(({ MetricName }) => MetricName === metric)?.['Threshold'];
}

describe("the broker's endpoint", () => {
  test('of a new broker; its id with describeBroker', async () => {
    await synthesize(NEW);
    const endpoint = {
      'Fn::Select': [
        0,
        {
          'Fn::Split': [
            '||',
            { 'Fn::ImportValue': expect.stringMatching(/^GuestRpcPing-broker:.*AmqpEndpoints/) },
          ],
        },
      ],
    };
    expect(made?.function('rpc-ping').environment).toMatchObject({ BROKER_ENDPOINT: endpoint });
    expect(made?.function('rpc-ping').environment).not.toHaveProperty('BROKER_ID');
    expect(all('AWS::EC2::VPCEndpoint')).toHaveLength(2); // Secrets Manager's, and the gateway endpoint of S3
    await synthesize({ ...NEW, describeBroker: true });
    expect(made?.function('rpc-ping').environment).toMatchObject({
      BROKER_ID: { 'Fn::ImportValue': expect.stringMatching(/^GuestRpcPing-broker:/) },
    });
  });

  test('of an existing broker, asked of Amazon MQ', async () => {
    const template = await synthesize(EXISTING);
    expect(made?.function('rpc-ping').environment).toMatchObject({
      BROKER_ID: ID,
      AWS_USE_DUALSTACK_ENDPOINT: 'true',
    });
    const brokerArn = {
      'Fn::Join': ['', Match.arrayWith([`:broker:trove:${ID}`])],
    };
    template.hasResourceProperties('AWS::EC2::VPCEndpoint', {
      ServiceName: { 'Fn::Join': ['', Match.arrayWith(['.mq'])] },
      PrivateDnsEnabled: true,
      PolicyDocument: { Statement: [Match.objectLike({ Action: 'mq:DescribeBroker', Resource: brokerArn })] },
    });
  });

  test('of an existing broker, without Amazon MQ', async () => {
    const { brokerId: _, ...place } = EXISTING;
    await synthesize({ ...place, brokerEndpoint: ENDPOINT });
    expect(made?.function('rpc-ping').environment).toMatchObject({ BROKER_ENDPOINT: ENDPOINT });
    expect(all('AWS::EC2::VPCEndpoint')).toHaveLength(1);
    expect(all('AWS::AmazonMQ::Broker')).toHaveLength(0);
    expect(all('AWS::EC2::VPC')).toHaveLength(0);
  });
});

test.each([
  ['single-instance', 'SINGLE_INSTANCE', 1],
  ['cluster', 'CLUSTER_MULTI_AZ', 2],
])('a new %s broker logs, is a %s, and has %i subnets', async (newBroker, DeploymentMode, subnets) => {
  await synthesize({ ...NEW, newBroker });
  const [broker] = all('AWS::AmazonMQ::Broker');
  expect(broker).toMatchObject({ DeploymentMode, Logs: { General: true }, EngineType: 'RABBITMQ' });
  expect(broker?.['SubnetIds']).toHaveLength(subnets);
});

describe('a new broker of RabbitMQ 4', () => {
  test('its limits, for each size', async () => {
    await synthesize({ ...NEW, brokerVersion: '4.3', brokerMaxQueues: 700 });
    const [configuration] = all('AWS::AmazonMQ::Configuration');
    expect(configuration).toMatchObject({ EngineType: 'RABBITMQ', EngineVersion: '4.3' });
    expect(decoded(configuration)).toMatch(/^max_message_size = 4194304\n\n/);
    expect(sectionOf(configuration, 'm7g.medium.1')).toEqual([
      'connection_max = 300',
      'channel_max_per_node = 900',
      'cluster_queue_limit = 700',
      'cluster_exchange_limit = 700',
    ]);
    expect(sectionOf(configuration, 'm7g.large.1')).toContain('cluster_queue_limit = 4500');
    const id = expect.stringMatching(/^BrokerConfiguration/);
    expect(all('AWS::AmazonMQ::Broker')).toEqual([
      expect.objectContaining({
        EngineVersion: '4.3',
        Configuration: { Id: { 'Fn::GetAtt': [id, 'Id'] }, Revision: { 'Fn::GetAtt': [id, 'Revision'] } },
      }),
    ]);
  });

  test("its configuration's name", async () => {
    await synthesize({ ...NEW, brokerName: 'trove' });
    const stackUuid = { 'Fn::Select': [2, { 'Fn::Split': ['/', { Ref: 'AWS::StackId' }] }] };
    expect(all('AWS::AmazonMQ::Configuration')).toEqual([
      expect.objectContaining({ Name: { 'Fn::Join': ['', ['trove-4.2-', stackUuid]] } }),
    ]);
  });

  test.each([NEW, { ...NEW, newBroker: 'cluster' }])(
    '%j: crowded at 80 %, a fifth for the functions',
    async (settings) => {
      await synthesize(settings);
      const isCluster = settings.newBroker === 'cluster';
      const section = isCluster ? 'm7g.large.3' : 'm7g.medium.1';
      const lines = sectionOf(all('AWS::AmazonMQ::Configuration')[0], section);
      const limit = (key: string) => Number(lines.find((line) => line.startsWith(key))?.split(' = ')[1]);
      const nodes = isCluster ? 2 : 1; // that remain when one of three is down
      expect(threshold('ConnectionCount')).toBe(0.8 * nodes * limit('connection_max'));
      expect(threshold('QueueCount')).toBe(0.8 * limit('cluster_queue_limit'));
      const ours = all('AWS::Lambda::Function')
        .filter((one) => 'VpcConfig' in one && 'ReservedConcurrentExecutions' in one)
        .map((one) => Number(one['ReservedConcurrentExecutions']));
      expect(ours).toHaveLength(2);
      expect(5 * ours.reduce((sum, each) => sum + each)).toBeLessThanOrEqual(limit('connection_max'));
    },
  );
});

test.each([{ ...NEW, brokerVersion: '3.13', brokerMaxConnections: 100, brokerMaxQueues: 500 }, EXISTING])(
  'a broker with %j is not configured',
  async (settings) => {
    await synthesize(settings);
    expect(all('AWS::AmazonMQ::Configuration')).toEqual([]);
    for (const broker of all('AWS::AmazonMQ::Broker')) expect(broker).not.toHaveProperty('Configuration');
  },
);

describe('the users of a new broker', () => {
  test("the administrator's secret has one reader", async () => {
    await synthesize({ ...NEW, troveUser: true });
    const readers = all('AWS::IAM::Policy').filter((policy) =>
      JSON.stringify(policy).includes('Administrator'),
    );
    expect(readers.map(({ PolicyName: name }) => String(name))).toEqual([
      expect.stringMatching(/^UsersMakerRole/),
    ]);
  });

  test('are made before functions that use them', async () => {
    await synthesize(NEW);
    const [gateway] = all('AWS::EC2::VPCEndpoint').filter(({ VpcEndpointType: type }) => type === 'Gateway');
    const region = { 'Fn::Join': ['', { 'Fn::Split': ['-', { Ref: 'AWS::Region' }] }] };
    const bucket = [
      'arn:',
      { Ref: 'AWS::Partition' },
      ':s3:::cloudformation-custom-resource-response-',
      region,
      '/*',
    ];
    expect(Object(gateway?.['PolicyDocument']).Statement).toContainEqual({
      Action: 's3:PutObject',
      Effect: 'Allow',
      Principal: { AWS: '*' },
      Resource: { 'Fn::Join': ['', bucket] },
    });
    const resources = Object.values(made?.template.Resources ?? {}).map(Object);
    const ping = resources.find(({ Properties }) => Properties?.FunctionName === 'GuestRpcPing-rpc-ping');
    expect(ping.DependsOn).toContainEqual(expect.stringMatching(/^UsersFunctionsUser/));
    const user = resources.find(({ Type }) => Type === 'Custom::BrokerUser');
    expect(user.DependsOn).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^NetworkSecretsManager/),
        expect.stringMatching(/^BrokerSecurityGroupfrom/),
        expect.stringMatching(/^S3Endpoint/),
      ]),
    );
  });

  test('another revision makes another user', async () => {
    const names = async (settings: File) => {
      await synthesize(settings);
      return all('AWS::SecretsManager::Secret').map(
        ({ GenerateSecretString: generated }) => JSON.parse(Object(generated).SecretStringTemplate).username,
      );
    };
    expect(await names({ ...NEW, troveUser: true })).toEqual(['administrator', 'guest-rpc-ping', 'trove']);
    expect(await names({ ...NEW, troveUser: true, brokerUserRevision: 2 })).toEqual([
      'administrator',
      'guest-rpc-ping-2',
      'trove',
    ]);
    const users = Object.entries(made?.template.Resources ?? {}).filter(([id]) =>
      id.startsWith('UsersTrove'),
    );
    expect(users).toHaveLength(2);
    for (const [, user] of users) expect(user).toMatchObject({ DeletionPolicy: 'RetainExceptOnCreate' });
  });

  test("none beside the deployer's own", async () => {
    await synthesize({ ...NEW, brokerSecretArn: EXISTING.brokerSecretArn });
    expect(all('Custom::BrokerUser')).toEqual([]);
    expect(made?.function('rpc-ping').environment).toMatchObject({
      BROKER_SECRET_ID: EXISTING.brokerSecretArn,
    });
  });
});

test('clientCidrs and clientSecurityGroupIds may connect', async () => {
  await synthesize({ ...NEW, clientCidrs: ['10.1.0.0/16'], clientSecurityGroupIds: ['sg-0123abcd'] });
  const [group] = all('AWS::EC2::SecurityGroup').filter(
    ({ GroupDescription: description }) => description === 'Guest RPC Ping: the broker',
  );
  const rule = { Description: 'Trove and its guests', FromPort: 5671, ToPort: 5671, IpProtocol: 'tcp' };
  expect(group?.['SecurityGroupIngress']).toEqual([
    { ...rule, CidrIp: '10.1.0.0/16' },
    { ...rule, SourceSecurityGroupId: 'sg-0123abcd' },
  ]);
});
