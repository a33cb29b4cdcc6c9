import { beforeAll, describe, expect, test } from '@jest/globals';
import { EventRule, successEvent } from '../setup/event-rule.ts';
import type { Synthesized } from '../setup/synthesized.ts';
import { stackWith } from './synthesis.ts';
import { EXISTING, type File, NEW } from './variants.ts';

const S3 = { s3PrefixListId: 'pl-0123abcd' };
const SCHEDULED = {}; // the input of the schedule

let stack: Synthesized;

async function synthesize(settings: File): Promise<void> {
  stack = await stackWith(settings);
}

/** The statements of the policies whose names begin so, each an action with its resource. */
function allowed(policyOf: string): unknown[][] {
  return stack
    .resources('AWS::IAM::Policy')
    .filter(({ PolicyName: name }) => String(name).startsWith(policyOf))
    .flatMap(({ PolicyDocument: document }) => Object(document).Statement)
    .filter(({ Effect: effect }) => effect === 'Allow')
    .flatMap(({ Action: actions, Resource: resource }) =>
      [actions].flat().map((action) => [action, resource]),
    );
}

function gatewayEndpoints() {
  return stack.resources('AWS::EC2::VPCEndpoint').filter(({ VpcEndpointType: type }) => type === 'Gateway');
}

const BUCKET_ARN = { 'Fn::GetAtt': [expect.stringMatching(/^StateBucket/), 'Arn'] };
const OBJECTS = ['/fleet-state.json', '/history/????-??.jsonl'].map((path) => ({
  'Fn::Join': ['', [BUCKET_ARN, path]],
}));

describe('with a new broker', () => {
  beforeAll(() => synthesize(NEW));

  test("the state's bucket is private, encrypted, versioned for a week, over TLS alone, and stays", () => {
    expect(stack.resources('AWS::S3::Bucket')).toEqual([
      {
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        LifecycleConfiguration: {
          Rules: [
            {
              ExpiredObjectDeleteMarker: true,
              NoncurrentVersionExpiration: { NoncurrentDays: 7 },
              Status: 'Enabled',
            },
            { ExpirationInDays: 400, Prefix: 'history/', Status: 'Enabled' },
          ],
        },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        VersioningConfiguration: { Status: 'Enabled' },
      },
    ]);
    const [policy] = stack.resources('AWS::S3::BucketPolicy');
    const { Statement: statements } = Object(policy?.['PolicyDocument']);
    expect(statements).toEqual([
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      expect.objectContaining({ Effect: 'Deny', Condition: { NumericLessThan: { 's3:TlsVersion': 1.2 } } }),
    ]);
  });

  test('the health check may read and replace that one object, and put events on that one bus', () => {
    const ofState = allowed('HealthCheck').filter(([action]) => /^(s3|events):/.test(String(action)));
    expect(ofState).toEqual([
      ['s3:GetObject', OBJECTS],
      ['s3:PutObject', OBJECTS],
      ['s3:ListBucket', BUCKET_ARN],
      ['events:PutEvents', { 'Fn::GetAtt': [expect.stringMatching(/^ChangesBus/), 'Arn'] }],
    ]);
    expect(stack.function('health-check').environment).toMatchObject({
      FLEET_STATE_URL: {
        'Fn::Join': ['', ['s3://', { Ref: expect.stringMatching(/^StateBucket/) }, '/fleet-state.json']],
      },
      UNREACHABLE_AFTER_SWEEPS: '2',
      REACHABLE_AFTER_SWEEPS: '1',
      ABANDONED_AFTER_HOURS: '168',
      REMIND_AFTER_HOURS: '24',
    });
  });

  test('the function that answers pings has neither the state nor a way to it', () => {
    expect(allowed('RpcPing').filter(([action]) => /^(s3|events):/.test(String(action)))).toEqual([]);
    expect(stack.function('rpc-ping').environment).not.toHaveProperty('FLEET_STATE_URL');
    const groups = stack
      .resources('AWS::Lambda::Function')
      .map(({ FunctionName: name, VpcConfig: vpc }) => [name, Object(vpc).SecurityGroupIds?.length]);
    expect(Object.fromEntries(groups)).toMatchObject({
      'GuestRpcPing-rpc-ping': 1,
      'GuestRpcPing-health-check': 2,
    });
  });

  test("the gateway endpoint lets this account use the state's bucket, from both subnets", () => {
    expect(gatewayEndpoints()).toEqual([
      expect.objectContaining({
        RouteTableIds: [expect.anything(), expect.anything()],
        ServiceName: { 'Fn::Join': ['', ['com.amazonaws.', { Ref: 'AWS::Region' }, '.s3']] },
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            expect.objectContaining({ Action: ['s3:GetObject', 's3:PutObject'], Resource: OBJECTS }),
            expect.objectContaining({ Action: 's3:ListBucket', Resource: BUCKET_ARN }),
            expect.objectContaining({ Action: 's3:PutObject' }), // for CloudFormation, of another account
          ],
        },
      }),
    ]);
    const { Statement: statements } = Object(gatewayEndpoints()[0]?.['PolicyDocument']);
    for (const { Condition: condition } of statements.slice(0, 2))
      expect(condition).toEqual({ StringEquals: { 'aws:PrincipalAccount': { Ref: 'AWS::AccountId' } } });
  });

  test('a sweep that has succeeded goes to the bus, and the topic takes notices of that one rule alone', () => {
    expect(stack.resources('AWS::Lambda::EventInvokeConfig')).toEqual([
      expect.objectContaining({
        DestinationConfig: {
          OnSuccess: { Destination: { 'Fn::GetAtt': [expect.stringMatching(/^ChangesBus/), 'Arn'] } },
        },
      }),
    ]);
    const [policy] = stack.resources('AWS::SNS::TopicPolicy');
    const { Statement: statements } = Object(policy?.['PolicyDocument']);
    const ofEvents = [statements]
      .flat()
      .filter(({ Principal: principal }) => principal.Service === 'events.amazonaws.com');
    expect(ofEvents).toEqual([
      expect.objectContaining({
        Effect: 'Allow',
        Action: 'sns:Publish',
        Condition: {
          ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [expect.stringMatching(/^ChangesRule/), 'Arn'] } },
        },
      }),
    ]);
  });

  test('of the result of a sweep, the rule passes on the sentence, and nothing where there is none', () => {
    const rule = EventRule.of(stack);
    const changes_sentence = '1 guest became unreachable: a (no_reply, since 14:05 UTC).';
    const result = { changes: [{ change: 'unreachable' }], changes_sentence };
    expect(rule.notice(successEvent(SCHEDULED, result))).toBe(`"GuestRpcPing: ${changes_sentence}"`);
    expect(rule.notice(successEvent(SCHEDULED, { changes: [] }))).toBeUndefined();
    expect(rule.notice({ ...successEvent(SCHEDULED, result), source: 'aws.ec2' })).toBeUndefined();
    const ofAnother = successEvent(SCHEDULED, result, 'GuestRpcPing-two-health-check');
    expect(rule.notice(ofAnother)).toBeUndefined();
    const failure = { 'detail-type': 'Lambda Function Invocation Result - Failure' };
    expect(rule.notice({ ...successEvent(SCHEDULED, result), ...failure })).toBeUndefined();
  });

  test('ChangesUndelivered rings for what Lambda, the rule or the topic did not take', () => {
    const alarm = stack
      .resources('AWS::CloudWatch::Alarm')
      .find(({ AlarmName: name }) => name === 'GuestRpcPing-ChangesUndelivered');
    const [sum, ...metrics] = [Object(alarm)['Metrics']].flat();
    expect(sum).toMatchObject({ Expression: 'FILL(failed, 0) + FILL(unpublished, 0) + FILL(left, 0)' });
    const dimensions = Object.fromEntries(
      metrics.map(({ MetricStat: { Metric: metric } }) => [metric.MetricName, metric.Dimensions]),
    );
    expect(dimensions).toEqual({
      DestinationDeliveryFailures: [{ Name: 'FunctionName', Value: expect.anything() }],
      FailedInvocations: [
        { Name: 'EventBusName', Value: expect.anything() },
        {
          Name: 'RuleName',
          Value: {
            'Fn::Select': [
              2,
              { 'Fn::Split': ['/', { 'Fn::GetAtt': [expect.stringMatching(/^ChangesRule/), 'Arn'] }] },
            ],
          },
        },
      ],
      ApproximateNumberOfMessagesVisible: [{ Name: 'QueueName', Value: expect.anything() }],
    });
  });
});

test("the way to S3 leads to AWS's list of its addresses alone, where that list is set", async () => {
  const inline = () =>
    stack
      .resources('AWS::EC2::SecurityGroup')
      .flatMap(({ SecurityGroupEgress: rules }) => [rules].flat().map(Object));
  const egress = () =>
    [...inline(), ...stack.resources('AWS::EC2::SecurityGroupEgress')].filter(
      ({ Description: description }) => description === 'S3',
    );
  await synthesize(NEW);
  expect(egress()).toMatchObject([{ CidrIp: '0.0.0.0/0', FromPort: 443, ToPort: 443 }]);
  await synthesize({ ...NEW, ...S3 });
  expect(egress()).toEqual([
    {
      DestinationPrefixListId: S3.s3PrefixListId,
      Description: 'S3',
      FromPort: 443,
      ToPort: 443,
      IpProtocol: 'tcp',
      GroupId: { 'Fn::GetAtt': [expect.stringMatching(/^S3Function/), 'GroupId'] },
    },
  ]);
});

describe('with an existing broker', () => {
  test('nothing is kept without a way to S3', async () => {
    await synthesize(EXISTING);
    for (const type of ['S3::Bucket', 'Events::EventBus', 'Events::Rule'])
      expect(stack.resources(`AWS::${type}`)).toEqual([]);
    expect(stack.function('health-check').environment).not.toHaveProperty('FLEET_STATE_URL');
    const [invocation] = stack.resources('AWS::Lambda::EventInvokeConfig');
    expect(invocation).not.toHaveProperty('DestinationConfig');
    const alarms = stack.resources('AWS::CloudWatch::Alarm').map(({ MetricName: name }) => name);
    expect(alarms).not.toContain('FleetStateKept');
  });

  test('the state is kept through the gateway endpoint that the VPC has', async () => {
    await synthesize({ ...EXISTING, ...S3 });
    expect(stack.resources('AWS::S3::Bucket')).toHaveLength(1);
    expect(gatewayEndpoints()).toEqual([]);
  });

  test('the stack makes the endpoint in the route tables that are set, open for what others do there', async () => {
    const routeTableIds = ['rtb-0a1b2c3d4e5f60718', 'rtb-0a1b2c3d4e5f60719'];
    await synthesize({ ...EXISTING, ...S3, routeTableIds, unreachableAfterSweeps: 3 });
    const [endpoint, ...more] = gatewayEndpoints();
    expect(more).toEqual([]);
    expect(endpoint).toMatchObject({ RouteTableIds: routeTableIds, VpcId: EXISTING.vpcId });
    expect(endpoint).not.toHaveProperty('PolicyDocument');
    expect(stack.function('health-check').environment).toMatchObject({ UNREACHABLE_AFTER_SWEEPS: '3' });
  });
});
