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
import { EXISTING, type File, KEY, NEW, VARIANTS } from './variants.ts';

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

  test("CloudFormation's schemas take the template", () => {
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

  test('cdk-nag finds nothing', () => {
    expect(violations(made)).toEqual([]);
  });

  test('runtime, tracing, subnets and logs', () => {
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

  test('whereto the functions may connect', () => {
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

  test.each(['RpcPing', 'HealthCheck'])("%s's role allows what it needs", (name) => {
    const brokerSecret = isNew ? { Ref: expect.stringMatching(/^UsersFunctions/) } : EXISTING.brokerSecretArn;
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
  });

  test('the scheduler may invoke the health check alone', () => {
    expect(permissions('Sweep')).toEqual({
      'lambda:InvokeFunction': { 'Fn::GetAtt': [expect.stringMatching(/^HealthCheckFunction/), 'Arn'] },
    });
    for (const { ManagedPolicyArns } of all('AWS::IAM::Role')) expect(ManagedPolicyArns).toBeUndefined();
  });

  test("Secrets Manager's endpoint allows these secrets alone", () => {
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

  test('each route requires IAM authorization', () => {
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

  test('time-outs: RPC, function, API Gateway, sweep', () => {
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

  test('a sweep is never retried, nor beside another', () => {
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

  test('removed functions leave logs and state', () => {
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

  test("the alarms, their topic, and the runbook's rows", () => {
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

test('anyoneMayCallTheApi: no authorization', async () => {
  const template = await synthesize({ ...NEW, anyoneMayCallTheApi: true });
  template.allResourcesProperties('AWS::ApiGatewayV2::Route', { AuthorizationType: 'NONE' });
});

test('secretsKmsKeyArn decrypts secrets alone', async () => {
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

test('cdk-nag finds nothing with further options', async () => {
  await synthesize({
    ...NEW,
    guestKeySecretPrefix: 'trove/',
    anyoneMayCallTheApi: true,
    describeBroker: true,
  });
  expect(violations(made)).toEqual([]);
});

test('cdk-nag finds a secret never rotated', async () => {
  await synthesize({ ...EXISTING, brokerName: 'loosened' }); // a stack of its own, since it is changed
  if (made?.stack) new Secret(made.stack, 'NeverRotated');
  expect(violations(made).map(({ ruleName }) => ruleName)).toEqual(['AwsSolutions-SMG4']);
});

test('requireEncryption reaches both functions', async () => {
  await synthesize({ ...NEW, guestKeySecretPrefix: 'trove/', requireEncryption: true });
  for (const name of ['rpc-ping', 'health-check'])
    expect(made?.function(name).environment).toMatchObject({ REQUIRE_ENCRYPTION: 'true' });
});

test('logRetentionDays and tags, in both stacks', async () => {
  await synthesize({ ...NEW, logRetentionDays: 90, tags: { team: 'databases' } });
  for (const { RetentionInDays: days } of all('AWS::Logs::LogGroup')) expect(days).toBe(90);
  for (const type of ['AWS::Lambda::Function', 'AWS::AmazonMQ::Broker', 'AWS::EC2::VPC', 'AWS::S3::Bucket'])
    for (const { Tags: tags } of all(type))
      expect(JSON.stringify(tags)).toMatch(/"team":"databases"|"Key":"team","Value":"databases"/);
});
