import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { CloudFormationValidatePlugin, Stage } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { FLEET_ROUTES } from '../../functions/http/fleet-request.ts';
import { ROUTE } from '../../functions/http/request.ts';
import { readSettings } from '../../infra/settings/deployment-settings.ts';
import type { Synthesized } from '../setup/synthesized.ts';
import { stackWith, violations } from './synthesis.ts';
import { ENDPOINT, EXISTING, type File, ID, KEY, NEW, VARIANTS } from './variants.ts';

const NOWHERE = '255.255.255.255/32';

let made: Synthesized | undefined;

async function synthesize(settings: File): Promise<Template> {
  made = await stackWith(settings);
  return Template.fromJSON({ ...made.template });
}

/** The properties of all resources of a type. */
function all(type: string) {
  return made?.resources(type) ?? [];
}

const CLOUDFORMATION = new CloudFormationValidatePlugin();

function appOf(synthesized: Synthesized | undefined): Stage {
  const stage = synthesized?.stack && Stage.of(synthesized.stack);
  if (!stage) throw new Error('Not synthesized');
  return stage;
}

/** The resources of the functions' stack alone. */
function functionsOf(synthesized: Synthesized | undefined): object {
  const [stack] = appOf(synthesized).synth().stacks.slice(-1);
  return stack?.template.Resources;
}

/** The actions that a role's policy allows, each with its resource. */
function permissions(policyOf: string): Record<string, unknown> {
  const allowed: Record<string, unknown> = {};
  for (const policy of all('AWS::IAM::Policy')) {
    if (!String(policy['PolicyName']).startsWith(policyOf)) continue;
    const { Statement } = Object(policy['PolicyDocument']);
    for (const { Effect, Action, Resource } of Statement) {
      if (Effect === 'Allow') for (const action of [Action].flat()) allowed[action] = Resource;
    }
  }
  return allowed;
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

describe.each(Object.entries(VARIANTS))('with %s', (variant, settings) => {
  const isNew = variant.startsWith('a new');
  const { pingConcurrency, s3PrefixListId } = readSettings('GuestRpcPing', settings);
  const isKept = isNew || s3PrefixListId !== undefined;
  const fleetPaths = isKept ? Object.values(FLEET_ROUTES) : [];
  let template: Template;
  beforeAll(async () => {
    template = await synthesize(settings);
  });

  test('the synthesis needs no look-up in an account', () => {
    const manifest = appOf(made).synth().manifest;
    expect(manifest).toHaveProperty('artifacts');
    expect(manifest).not.toHaveProperty('missing');
  });

  test('the template conforms to CloudFormation’s schemas', () => {
    const stacks = appOf(made).synth().stacks;
    const report = CLOUDFORMATION.validate({
      templatePaths: stacks.map(({ templateFullPath }) => templateFullPath),
      stackTemplates: stacks.map(({ templateFullPath: templatePath, stackName: stackConstructPath }) => ({
        templatePath,
        stackConstructPath,
        accountId: undefined,
        region: undefined,
      })),
      appConstruct: appOf(made),
    });
    expect(report).toMatchObject({ violations: [] });
  });

  test('cdk-nag’s AwsSolutions find nothing', () => {
    expect(violations(made)).toEqual([]);
  });

  test('the functions run on Node 24 and arm64, traced, those that reach the broker in subnets, with logs that are kept for 30 days', () => {
    template.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      TracingConfig: { Mode: 'Active' },
      LoggingConfig: { LogFormat: 'JSON', LogGroup: Match.anyValue() },
    });
    const VpcConfig = { SubnetIds: expect.anything(), SecurityGroupIds: expect.anything() };
    for (const one of all('AWS::Lambda::Function'))
      if (!/-fleet/.test(one.FunctionName ?? '')) expect(one).toMatchObject({ VpcConfig });
    template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
  });

  test('nothing leads to the internet, and the broker is private', () => {
    for (const way of ['NatGateway', 'InternetGateway', 'EgressOnlyInternetGateway', 'EIP'])
      template.resourceCountIs(`AWS::EC2::${way}`, 0);
    template.resourceCountIs('AWS::Lambda::Url', 0);
    for (const { PubliclyAccessible } of all('AWS::AmazonMQ::Broker')) expect(PubliclyAccessible).toBe(false);
    for (const { MapPublicIpOnLaunch } of all('AWS::EC2::Subnet')) expect(MapPublicIpOnLaunch).toBe(false);
  });

  test('the functions may connect to the broker’s 5671 and 443, the endpoints’ 443 and S3 alone', () => {
    const egress = all('AWS::EC2::SecurityGroupEgress');
    const ports = egress.map(({ Description, FromPort, ToPort }) => [Description, FromPort, ToPort]);
    expect(ports.sort()).toEqual([
      ['AMQP', 5671, 5671],
      ['AWS APIs', 443, 443],
      ...(s3PrefixListId ? [['S3', 443, 443]] : []),
      ['the management API', 443, 443],
    ]);
    for (const { DestinationSecurityGroupId, DestinationPrefixListId } of egress)
      expect(DestinationSecurityGroupId ?? DestinationPrefixListId).toBeDefined();
    // Without an inline rule, AWS adds one that allows all outbound traffic.
    for (const { SecurityGroupEgress, SecurityGroupIngress, GroupDescription } of all(
      'AWS::EC2::SecurityGroup',
    )) {
      const isToS3 = String(GroupDescription).includes('S3') && !s3PrefixListId;
      const to = isToS3 ? { Description: 'S3', FromPort: 443, ToPort: 443 } : { CidrIp: NOWHERE };
      expect(SecurityGroupEgress).toEqual([expect.objectContaining(to)]);
      expect(SecurityGroupIngress).toBeUndefined();
    }
    for (const { SourceSecurityGroupId } of all('AWS::EC2::SecurityGroupIngress'))
      expect(SourceSecurityGroupId).toEqual({
        'Fn::GetAtt': [expect.stringMatching(/^NetworkFunctions/), 'GroupId'],
      });
  });

  test.each(['RpcPing', 'HealthCheck'])(
    'the role of %s allows the needed actions, each on the needed resources alone',
    (name) => {
      const brokerSecret = isNew
        ? { Ref: expect.stringMatching(/^UsersFunctions/) }
        : EXISTING.brokerSecretArn;
      const uuidAndSuffix = '????????-????-????-????-????????????-??????';
      const keySecrets = {
        'Fn::Join': ['', expect.arrayContaining([`:secret:trove/keys/${uuidAndSuffix}`])],
      };
      const isDescribed = 'brokerId' in settings || 'describeBroker' in settings;
      expect(permissions(name)).toEqual({
        'logs:CreateLogStream': { 'Fn::GetAtt': [expect.stringMatching(`^${name}Log`), 'Arn'] },
        'logs:PutLogEvents': { 'Fn::GetAtt': [expect.stringMatching(`^${name}Log`), 'Arn'] },
        'secretsmanager:GetSecretValue':
          'guestKeySecretPrefix' in settings ? [keySecrets, brokerSecret] : brokerSecret,
        ...(isDescribed && { 'mq:DescribeBroker': expect.anything() }),
        ...(isKept &&
          name === 'HealthCheck' && {
            's3:GetObject': expect.anything(),
            's3:PutObject': expect.anything(),
            's3:ListBucket': expect.anything(),
            'events:PutEvents': expect.anything(),
          }),
        'ec2:AssignPrivateIpAddresses': '*',
        'ec2:CreateNetworkInterface': '*',
        'ec2:DeleteNetworkInterface': '*',
        'ec2:DescribeNetworkInterfaces': '*',
        'ec2:DescribeSubnets': '*',
        'ec2:UnassignPrivateIpAddresses': '*',
        'xray:PutTelemetryRecords': '*',
        'xray:PutTraceSegments': '*',
      });
      template.hasResourceProperties('AWS::IAM::Policy', {
        PolicyName: Match.stringLikeRegexp(`^${name}`),
        PolicyDocument: {
          Statement: Match.arrayWith([
            Match.objectLike({
              Effect: 'Deny',
              Action: Match.arrayWith(['ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface']),
              Condition: { ArnEquals: { 'lambda:SourceFunctionArn': Match.anyValue() } },
            }),
          ]),
        },
      });
    },
  );

  test('the scheduler may invoke the health check and nothing else, and no role has a managed policy', () => {
    expect(permissions('Sweep')).toEqual({
      'lambda:InvokeFunction': { 'Fn::GetAtt': [expect.stringMatching(/^HealthCheckFunction/), 'Arn'] },
    });
    for (const { ManagedPolicyArns } of all('AWS::IAM::Role')) expect(ManagedPolicyArns).toBeUndefined();
  });

  test('Secrets Manager’s endpoint allows these secrets and this account alone, and has no private DNS name', () => {
    template.hasResourceProperties('AWS::EC2::VPCEndpoint', {
      ServiceName: { 'Fn::Join': ['', Match.arrayWith(['.secretsmanager'])] },
      PrivateDnsEnabled: false,
      PolicyDocument: {
        Statement: [
          {
            Action: 'secretsmanager:GetSecretValue',
            Effect: 'Allow',
            Principal: { AWS: '*' },
            Resource: Match.not('*'),
            Condition: { StringEquals: { 'aws:PrincipalAccount': { Ref: 'AWS::AccountId' } } },
          },
        ],
      },
    });
  });

  test('each route requires IAM authorization, and only the API’s routes may invoke the function', () => {
    const routes = all('AWS::ApiGatewayV2::Route').map((route) => [
      route.RouteKey,
      route['AuthorizationType'],
    ]);
    expect(routes.sort()).toEqual([
      ['$default', 'AWS_IAM'],
      ...fleetPaths.map((path) => [`GET ${path}`, 'AWS_IAM']),
      [`${ROUTE.method} ${ROUTE.path}`, 'AWS_IAM'],
    ]);
    template.resourceCountIs('AWS::Lambda::Permission', 2 + fleetPaths.length);
    template.allResourcesProperties('AWS::Lambda::Permission', {
      Principal: 'apigateway.amazonaws.com',
      SourceArn: { 'Fn::Join': ['', Match.arrayWith([{ Ref: Match.stringLikeRegexp('^ApiHttpApi') }])] },
    });
  });

  test('the API is throttled, and logs in JSON', () => {
    const [stage] = all('AWS::ApiGatewayV2::Stage');
    expect(stage).toMatchObject({
      StageName: '$default',
      DefaultRouteSettings: { ThrottlingRateLimit: pingConcurrency, ThrottlingBurstLimit: pingConcurrency },
    });
    const { Format } = Object(stage?.['AccessLogSettings']);
    expect(JSON.parse(Format)).toMatchObject({
      status: '$context.status',
      caller: '$context.identity.userArn',
    });
  });

  test('the time-out of the RPC is below the function’s, that below API Gateway’s, and a sweep’s below its rate', () => {
    const ping = made?.function('rpc-ping');
    const rpcMs = Number(ping?.environment['RPC_TIMEOUT_SECONDS']) * 1000;
    expect(rpcMs).toBeLessThan(ping?.timeoutMs ?? 0);
    expect(ping?.timeoutMs).toBeLessThan(29_000);
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(5 minutes)',
      FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 1 },
    });
    expect(made?.function('health-check').timeoutMs).toBe(4 * 60_000);
  });

  test('a sweep is never retried, never runs beside another, and has more memory than a ping', () => {
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      Target: { RetryPolicy: { MaximumRetryAttempts: 0 } },
    });
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 0 });
    template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'GuestRpcPing-health-check',
      ReservedConcurrentExecutions: 1,
      MemorySize: 1024,
    });
    template.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'GuestRpcPing-rpc-ping',
      ReservedConcurrentExecutions: pingConcurrency,
      MemorySize: 256,
    });
  });

  test('no text of the template is a secret', () => {
    const text = JSON.stringify(made?.template);
    expect(text).not.toMatch(/amqps?:\/\/[^"]*@/);
    for (const { Users } of all('AWS::AmazonMQ::Broker')) {
      for (const { Password, Username } of [Users].flat().map(Object)) {
        for (const value of [Password, Username])
          expect(value).toMatchObject({
            'Fn::Join': ['', expect.arrayContaining(['{{resolve:secretsmanager:'])],
          });
      }
    }
    for (const secret of all('AWS::SecretsManager::Secret')) {
      expect(secret['SecretString']).toBeUndefined();
      expect(secret['GenerateSecretString']).toMatchObject({
        PasswordLength: 48,
        GenerateStringKey: 'password',
      });
    }
  });

  test('the removal of the functions leaves the logs and the state; nothing remains of a failed first deployment', () => {
    const kept = new Set<string>();
    for (const { Type, DeletionPolicy, UpdateReplacePolicy } of Object.values(functionsOf(made)).map(
      Object,
    )) {
      if (DeletionPolicy === undefined || DeletionPolicy === 'Delete') continue;
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['RetainExceptOnCreate', 'Retain']);
      kept.add(Type);
    }
    expect([...kept].sort()).toEqual(['AWS::Logs::LogGroup', ...(isKept ? ['AWS::S3::Bucket'] : [])]);
  });

  test('the alarms may publish to their topic, over TLS alone, are in the runbook, and include a missing sweep', () => {
    const alarms = all('AWS::CloudWatch::Alarm');
    for (const { AlarmActions } of alarms)
      expect(AlarmActions).toEqual([{ Ref: expect.stringMatching('^AlarmsTopic') }]);
    const runbook = readFileSync(join(import.meta.dirname, '..', '..', 'infra', 'RUNBOOK.md'), 'utf8');
    for (const { AlarmName } of alarms)
      expect(runbook).toMatch(
        new RegExp(`^\\| .*\`${String(AlarmName).replace('GuestRpcPing-', '')}\`.* \\|$`, 'm'),
      );
    expect(alarms.find(({ MetricName }) => MetricName === 'GuestsUnreachable')).toMatchObject({
      TreatMissingData: 'ignore',
    });
    const breaching = alarms.filter(({ TreatMissingData }) => TreatMissingData === 'breaching');
    expect(breaching).toEqual([
      expect.objectContaining({
        MetricName: 'BrokerReachable',
        Statistic: 'SampleCount',
        Threshold: 1,
        ComparisonOperator: 'LessThanThreshold',
      }),
    ]);
    expect(alarms.map(({ MetricName, AlarmName }) => MetricName ?? AlarmName).sort()).toEqual([
      '5xx',
      'ApiThrottled',
      'BrokerReachable',
      'BrokerReachable',
      'ConnectionCount',
      'ControlPlaneUnreachable',
      'Errors',
      'Errors',
      ...(isKept ? ['FleetShrank', 'FleetStateKept'] : []),
      'GuestRpcPing-BrokerCpu',
      'GuestRpcPing-BrokerDisk',
      'GuestRpcPing-BrokerMemory',
      ...(isKept ? ['GuestRpcPing-ChangesUndelivered'] : []),
      'GuestsUnreachable',
      'QueueCount',
      'SweepComplete',
      'Throttles',
      'Throttles',
    ]);
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          // This policy replaces SNS's default, which lets alarms publish.
          Match.objectLike({
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Action: 'sns:Publish',
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ]),
      },
    });
  });
});

describe('the broker’s endpoint', () => {
  test('the functions get the endpoint of a new broker, and its id only with describeBroker', async () => {
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

  test('the functions get the id of an existing broker, and an interface endpoint to ask Amazon MQ', async () => {
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

  test('the functions get the endpoint of an existing broker, and no way to Amazon MQ’s API', async () => {
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
  test('a new broker of RabbitMQ 4 is configured for the limits of its settings, and of each other size', async () => {
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

  test('the name of a new broker’s configuration has the version and the stack’s id', async () => {
    await synthesize({ ...NEW, brokerName: 'trove' });
    const stackUuid = { 'Fn::Select': [2, { 'Fn::Split': ['/', { Ref: 'AWS::StackId' }] }] };
    expect(all('AWS::AmazonMQ::Configuration')).toEqual([
      expect.objectContaining({ Name: { 'Fn::Join': ['', ['trove-4.2-', stackUuid]] } }),
    ]);
  });

  test.each([NEW, { ...NEW, newBroker: 'cluster' }])(
    'a new broker with %j is crowded at 80 % of its limits, and the functions take at most a fifth',
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

test('an existing broker is crowded at 80 % of the deployer’s limits', async () => {
  await synthesize({ ...EXISTING, brokerMaxConnections: 5000, brokerMaxQueues: 2500 });
  expect([threshold('ConnectionCount'), threshold('QueueCount')]).toEqual([4000, 2000]);
});

test('alarms and dashboard use Amazon MQ’s metrics of the whole broker alone, which RabbitMQ 4 has', async () => {
  await synthesize(EXISTING);
  const ofAlarms = all('AWS::CloudWatch::Alarm').filter(({ Namespace }) => Namespace === 'AWS/AmazonMQ');
  expect(ofAlarms).toHaveLength(2);
  for (const { Dimensions } of ofAlarms) expect(Dimensions).toEqual([{ Name: 'Broker', Value: 'trove' }]);
  const body = JSON.stringify(all('AWS::CloudWatch::Dashboard')).replaceAll('\\', '');
  const shown = body.match(/"AWS\/AmazonMQ"[^\]]*/g) ?? [];
  expect(shown).toHaveLength(5);
  for (const metric of shown) expect(metric).toMatch(/^"AWS\/AmazonMQ","\w+","Broker","trove"(,\{|$)/);
});

test('a busy node of a cluster rings, though Amazon MQ’s figure for the cluster is of all nodes together', async () => {
  await synthesize(NEW);
  const [cpu] = all('AWS::CloudWatch::Alarm').filter(
    ({ AlarmName }) => AlarmName === 'GuestRpcPing-BrokerCpu',
  );
  expect(cpu).toMatchObject({
    Threshold: 80,
    EvaluationPeriods: 3,
    Metrics: [
      expect.objectContaining({
        Expression: `SELECT MAX(SystemCpuUtilization) FROM SCHEMA("AWS/AmazonMQ", Broker, Node) WHERE Broker = 'guest-rpc-ping'`,
        Period: 300,
      }),
    ],
  });
});

test('the API with anyoneMayCallTheApi requires no authorization', async () => {
  const template = await synthesize({ ...NEW, anyoneMayCallTheApi: true });
  template.allResourcesProperties('AWS::ApiGatewayV2::Route', { AuthorizationType: 'NONE' });
});

test('the functions may use a customer managed key to read secrets, and for nothing else', async () => {
  const template = await synthesize({ ...NEW, secretsKmsKeyArn: KEY });
  expect(permissions('RpcPing')).toMatchObject({ 'kms:Decrypt': KEY });
  template.hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Action: 'kms:Decrypt',
          Condition: { StringEquals: { 'kms:ViaService': Match.anyValue() } },
        }),
      ]),
    },
  });
});

test('the dashboard shows the fleet, round trips, reasons and the broker', async () => {
  await synthesize(NEW);
  const [dashboard] = all('AWS::CloudWatch::Dashboard');
  const body = JSON.stringify(dashboard?.['DashboardBody']);
  const literal = (text: string) => JSON.stringify(JSON.stringify(text)).slice(3, -3);
  for (const shown of [
    'GuestsChecked',
    'RoundTripTime',
    'p99',
    literal('{GuestRpcPing,Reason,service} MetricName="GuestsUnreachable" service="health-check"'),
    'ConnectionCount',
    'QueueCount',
  ])
    expect(body).toContain(shown);
});

test('cdk-nag’s AwsSolutions find nothing with guest keys, an open API and a described broker', async () => {
  await synthesize({
    ...NEW,
    guestKeySecretPrefix: 'trove/',
    anyoneMayCallTheApi: true,
    describeBroker: true,
  });
  expect(violations(made)).toEqual([]);
});

test('cdk-nag’s AwsSolutions find a secret that is never rotated', async () => {
  await synthesize({ ...EXISTING, brokerName: 'loosened' }); // a stack of its own, since it is changed
  if (made?.stack) new Secret(made.stack, 'NeverRotated');
  expect(violations(made).map(({ ruleName }) => ruleName)).toEqual(['AwsSolutions-SMG4']);
});

test('the alarm FleetShrank rings at the first sweep that says so, and never without a saved state', async () => {
  await synthesize(NEW);
  const alarm = all('AWS::CloudWatch::Alarm').find(({ MetricName }) => MetricName === 'FleetShrank');
  expect(alarm).toMatchObject({
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    Threshold: 1,
    EvaluationPeriods: 1,
    Statistic: 'Maximum',
    TreatMissingData: 'notBreaching', // a new stack writes no such metric
  });
});

test('without topics, the control plane is not pinged and has no alarm', async () => {
  await synthesize({ ...NEW, controlPlaneTopics: '' });
  expect(made?.function('health-check').environment).toMatchObject({ CONTROL_PLANE_TOPICS: '' });
  expect(all('AWS::CloudWatch::Alarm').map(({ MetricName }) => MetricName)).not.toContain(
    'ControlPlaneUnreachable',
  );
});

test('both functions demand encryption where the deployer does', async () => {
  await synthesize({ ...NEW, guestKeySecretPrefix: 'trove/', requireEncryption: true });
  for (const name of ['rpc-ping', 'health-check'])
    expect(made?.function(name).environment).toMatchObject({ REQUIRE_ENCRYPTION: 'true' });
});

describe('the users of a new broker', () => {
  test('no function but the one that makes the users may read the administrator’s secret', async () => {
    await synthesize({ ...NEW, troveUser: true });
    const readers = all('AWS::IAM::Policy').filter((policy) =>
      JSON.stringify(policy).includes('Administrator'),
    );
    expect(readers.map(({ PolicyName: name }) => String(name))).toEqual([
      expect.stringMatching(/^UsersMakerRole/),
    ]);
  });

  test('CloudFormation hears of them through the VPC’s gateway endpoint, and functions start after their user is made', async () => {
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

  test('another revision makes another user; Trove’s stays, also when the stack is removed', async () => {
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

  test('none is made where the deployer has one', async () => {
    await synthesize({ ...NEW, brokerSecretArn: EXISTING.brokerSecretArn });
    expect(all('Custom::BrokerUser')).toEqual([]);
    expect(made?.function('rpc-ping').environment).toMatchObject({
      BROKER_SECRET_ID: EXISTING.brokerSecretArn,
    });
  });
});

test('Trove and its guests may connect to a new broker’s AMQP, from the addresses and groups that are set', async () => {
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

test('the logs of both stacks are kept as long as the deployer says, and all that takes tags has the deployer’s', async () => {
  await synthesize({ ...NEW, logRetentionDays: 90, tags: { team: 'databases' } });
  for (const { RetentionInDays: days } of all('AWS::Logs::LogGroup')) expect(days).toBe(90);
  for (const type of ['AWS::Lambda::Function', 'AWS::AmazonMQ::Broker', 'AWS::EC2::VPC', 'AWS::S3::Bucket'])
    for (const { Tags: tags } of all(type))
      expect(JSON.stringify(tags)).toMatch(/"team":"databases"|"Key":"team","Value":"databases"/);
});
