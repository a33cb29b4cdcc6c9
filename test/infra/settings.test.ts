import { describe, expect, test } from '@jest/globals';
import { InvalidSetting } from '../../infra/cdk-context.ts';
import { readSettings } from '../../infra/settings.ts';
import { EXISTING, ID } from './variants.ts';

const { brokerId, ...WITHOUT_ID } = EXISTING;

function without(name: keyof typeof EXISTING) {
  const { [name]: _left, ...rest } = EXISTING;
  return rest;
}

describe('is refused in one sentence:', () => {
  test.each<[string, Record<string, unknown>, string]>([
    [
      'a new broker and an existing one',
      { newBroker: 'cluster', brokerId: ID },
      'newBroker is for a new broker and brokerId for an existing one: set one of the two.',
    ],
    [
      'the size of an existing broker',
      { ...EXISTING, brokerInstanceType: 'mq.m5.large' },
      'brokerInstanceType is for a new broker and brokerId for an existing one: set one of the two.',
    ],
    [
      'a VPC for a new broker',
      { newBroker: 'single-instance', vpcId: EXISTING.vpcId },
      'newBroker is for a new broker and vpcId for an existing one: set one of the two.',
    ],
    [
      'an existing broker that nobody can find',
      WITHOUT_ID,
      'vpcId tells of an existing broker, which needs brokerId or brokerEndpoint too.',
    ],
    ...(['brokerName', 'brokerSecretArn', 'vpcId', 'subnetIds', 'brokerSecurityGroupId'] as const).map(
      (name): [string, Record<string, unknown>, string] => [
        `an existing broker without ${name}`,
        without(name),
        `${name} is missing: brokerId tells of an existing broker, which needs it too.`,
      ],
    ),
    [
      'RabbitMQ 4.2 on another instance',
      { brokerVersion: '4.2', brokerInstanceType: 'mq.m5.large' },
      'brokerVersion=4.2 runs on mq.m7g instances only, not on mq.m5.large.',
    ],
    ['another version', { brokerVersion: '3.8' }, 'brokerVersion must be 3.13 or 4.2.'],
    [
      'a cluster of micros',
      { newBroker: 'cluster', brokerInstanceType: 'mq.t3.micro' },
      'newBroker=cluster does not run on mq.t3.micro: choose a larger instance type.',
    ],
    ['another deployment mode', { newBroker: 'two' }, 'newBroker must be single-instance or cluster.'],
    [
      'a size whose limit is not known',
      { brokerInstanceType: 'mq.m7g.huge' },
      'brokerMaxConnections is missing: its default is not known here.',
    ],
    [
      'the name of a secret',
      { ...EXISTING, brokerSecretArn: 'trove' },
      'brokerSecretArn must be the full ARN of a secret, with the six characters that Secrets Manager adds.',
    ],
    [
      'credentials in the endpoint',
      { ...EXISTING, brokerEndpoint: 'amqps://user:hunter2@host:5671' },
      'brokerEndpoint must be amqps://host:5671, as Amazon MQ tells it.',
    ],
    [
      'plaintext to the broker',
      { ...EXISTING, brokerEndpoint: 'amqp://host:5672' },
      'brokerEndpoint must be amqps://host:5671, as Amazon MQ tells it.',
    ],
    [
      'a list that is none',
      { ...EXISTING, subnetIds: ['subnet-0a1b2c3d'] },
      'subnetIds must be ids of subnets, subnet-…, joined by commas.',
    ],
    [
      'the same subnet twice',
      { ...EXISTING, subnetIds: 'subnet-0a1b2c3d4e5f60718,subnet-0a1b2c3d4e5f60718' },
      'subnetIds names a subnet more than once.',
    ],
    [
      'a VPC of public addresses',
      { vpcCidr: '8.8.8.0/24' },
      'vpcCidr must be a private block of 256 addresses, such as 10.0.0.0/24.',
    ],
    [
      'a grace longer than the wait',
      { noConsumerGraceSeconds: '5', rpcTimeoutSeconds: '2' },
      'noConsumerGraceSeconds must not be more than rpcTimeoutSeconds.',
    ],
    [
      'an RPC that outlasts the function',
      { rpcTimeoutSeconds: '20' },
      'rpcTimeoutSeconds must be a number from 0.1 to 18.',
    ],
    ['no number', { rpcTimeoutSeconds: 'soon' }, 'rpcTimeoutSeconds must be a number from 0.1 to 18.'],
    ['half a minute', { healthCheckRateMinutes: 2.5 }, 'healthCheckRateMinutes must be a whole number.'],
    [
      'pings that take all connections',
      { pingConcurrency: '150' },
      'pingConcurrency=150 leaves others no connection to a broker that takes 300 (brokerMaxConnections): it must be less than half of that.',
    ],
    ['a vague yes', { anyoneMayCallTheApi: 'yes' }, 'anyoneMayCallTheApi must be true or false.'],
    ['a name that is no setting', { brokerld: ID }, 'brokerld is no setting: see infra/README.md, Settings.'],
  ])('%s', (_what, values, message) => {
    expect(() => readSettings(values)).toThrow(new InvalidSetting(message));
  });
});

describe('by default', () => {
  test('there is a new single-instance broker of the newest version, and IAM decides who may call', () => {
    expect(readSettings({ 'aws:cdk:version': '2', '@aws-cdk/core:x': true, brokerId: '' })).toMatchObject({
      broker: {
        kind: 'new',
        deploymentMode: 'SINGLE_INSTANCE',
        version: '4.2',
        instanceType: 'mq.m7g.medium',
      },
      anyoneMayCallTheApi: false,
    });
  });

  test.each([
    [{ brokerVersion: '3.13' }, { version: '3.13', instanceType: 'mq.t3.micro' }],
    [{ brokerInstanceType: 'mq.t3.micro' }, { version: '3.13', instanceType: 'mq.t3.micro' }],
    [{ brokerInstanceType: 'mq.m7g.large' }, { version: '4.2', instanceType: 'mq.m7g.large' }],
    [{ newBroker: 'cluster' }, { version: '4.2', instanceType: 'mq.m7g.large' }],
  ])('%j leads to %j', (values, broker) => {
    expect(readSettings(values).broker).toMatchObject(broker);
  });

  test.each([
    [{ brokerInstanceType: 'mq.m7g.medium' }, 300, 30],
    [{ brokerInstanceType: 'mq.t3.micro' }, 500, 50],
    [{ brokerInstanceType: 'mq.m7g.large' }, 5000, 50],
    [EXISTING, 300, 30],
    [{ ...EXISTING, brokerMaxConnections: '100' }, 100, 10],
  ])(
    '%j takes a tenth of the broker’s connections, at most 50',
    (values, maxConnections, pingConcurrency) => {
      expect(readSettings(values)).toMatchObject({ maxConnections, pingConcurrency });
    },
  );
});
