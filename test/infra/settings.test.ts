import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { INSTANCE_TYPES } from '../../infra/broker/broker-limits.ts';
import { InvalidSetting } from '../../infra/settings/cdk-context.ts';
import { readSettings } from '../../infra/settings/deployment-settings.ts';
import { EXISTING, ID } from './variants.ts';

const { brokerId, ...WITHOUT_ID } = EXISTING;

const BY_CIDR = { keystoneUrl: 'https://keystone.example:5000/v3', keystoneCidr: '10.1.2.0/24' };
const { keystoneCidr: _, ...NOWHERE } = BY_CIDR;
const TROVE = {
  ...BY_CIDR,
  troveUrl: 'https://trove.example:8779/v1.0',
  troveCidr: '10.1.2.0/24',
  troveSecretArn: EXISTING.brokerSecretArn,
};
const BY_GROUP = {
  keystoneUrl: 'https://keystone.example/v3',
  keystoneSecurityGroupId: 'sg-0f1e2d3c4b5a69788',
};

function without(name: keyof typeof EXISTING) {
  const { [name]: _left, ...rest } = EXISTING;
  return rest;
}

describe('refused settings', () => {
  test.each<[string, Record<string, unknown>, string]>([
    [
      'a new broker and an existing one',
      { newBroker: 'cluster', brokerId: ID },
      'newBroker is for a new broker and brokerId for an existing one: set one of the two.',
    ],
    [
      'the id of a VPC for a new broker',
      { newBroker: 'single-instance', vpcId: EXISTING.vpcId },
      'newBroker is for a new broker and vpcId for an existing one: set one of the two.',
    ],
    [
      'an existing broker without id and endpoint',
      WITHOUT_ID,
      'vpcId is for an existing broker, which needs brokerId or brokerEndpoint too.',
    ],
    ...(['brokerName', 'brokerSecretArn', 'vpcId', 'subnetIds', 'brokerSecurityGroupId'] as const).map(
      (name): [string, Record<string, unknown>, string] => [
        `an existing broker without ${name}`,
        without(name),
        `${name} is missing: brokerId is for an existing broker, which needs ${name} too.`,
      ],
    ),
    [
      'route tables for a VPC of the stack’s own',
      { s3PrefixListId: 'pl-0123abcd', routeTableIds: 'rtb-0123abcd' },
      'routeTableIds is for an existing VPC: the VPC of a new broker has the route already.',
    ],
    [
      'route tables without S3’s addresses',
      { ...EXISTING, routeTableIds: 'rtb-0123abcd' },
      'routeTableIds needs s3PrefixListId.',
    ],
    [
      'a prefix list by its name',
      { s3PrefixListId: 'com.amazonaws.eu-central-1.s3' },
      "s3PrefixListId must be a prefix list's id, pl-….",
    ],
    [
      'a version that Amazon MQ does not have',
      { brokerVersion: '3.8' },
      'brokerVersion must be 3.13 or 4.2 or 4.3.',
    ],
    [
      'an instance that no longer runs RabbitMQ',
      { brokerInstanceType: 'mq.t3.micro' },
      `brokerInstanceType must be ${INSTANCE_TYPES.join(' or ')}.`,
    ],
    [
      'a new broker of an unknown deployment mode',
      { newBroker: 'two' },
      'newBroker must be single-instance or cluster.',
    ],
    [
      'the configuration of an existing broker',
      { ...EXISTING, brokerMaxChannels: '900' },
      'brokerMaxChannels is for a new broker and brokerId for an existing one: set one of the two.',
    ],
    ...['brokerMaxChannels', 'brokerMaxExchanges', 'brokerMaxMessageBytes'].map(
      (name): [string, Record<string, unknown>, string] => [
        `${name} of RabbitMQ 3.13`,
        { brokerVersion: '3.13', [name]: '1000' },
        `${name} cannot be set on RabbitMQ 3.13, whose limits are fixed.`,
      ],
    ),
    ...(['brokerMaxConnections', 'brokerMaxQueues'] as const).map(
      (name): [string, Record<string, unknown>, string] => [
        `an existing broker without ${name}`,
        without(name),
        `${name} is missing: brokerId is for an existing broker, whose limits the alarms need: infra/README.md says how to find them.`,
      ],
    ),
    [
      'RabbitMQ 3.13 without its limits',
      { brokerVersion: '3.13', brokerMaxQueues: '500' },
      'brokerMaxConnections is missing: brokerVersion=3.13 has fixed limits: infra/README.md says how to find them.',
    ],
    [
      'encryption of guests without keys',
      { requireEncryption: 'true' },
      'requireEncryption needs guestKeySecretPrefix.',
    ],
    [
      'a prefix of keys that other secrets have too',
      { guestKeySecretPrefix: 'trove' },
      "guestKeySecretPrefix must be the beginning of a secret's name, at least six characters.",
    ],
    [
      'topics with spaces',
      { controlPlaneTopics: 'taskmanager, conductor' },
      'controlPlaneTopics must be topics (or exchange:topic), joined by commas, or none.',
    ],
    ['Trove without Keystone', { ...TROVE, keystoneUrl: '' }, 'keystoneCidr needs keystoneUrl.'],
    ['a Trove in the clear', { ...TROVE, troveUrl: 'http://trove/v1.0' }, 'troveUrl must be https://…/v1.0.'],
    [
      'a Trove without credential',
      { ...TROVE, troveSecretArn: '' },
      'troveSecretArn is missing: troveUrl needs the secret of an application credential.',
    ],
    [
      'a Trove without a way to it',
      { ...TROVE, troveCidr: '' },
      'troveUrl needs either troveCidr or troveSecurityGroupId: where it is reached from the VPC.',
    ],
    [
      'a credential of no Trove',
      { troveSecretArn: EXISTING.brokerSecretArn },
      'troveSecretArn needs troveUrl.',
    ],
    ...Object.entries({
      brokerMaxConnections: 300,
      brokerMaxChannels: 900,
      brokerMaxQueues: 2500,
      brokerMaxExchanges: 12500,
    }).map(([name, most]): [string, Record<string, unknown>, string] => [
      `a ${name} above Amazon MQ’s maximum for the instance`,
      { [name]: String(most + 1) },
      `${name}=${most + 1} is more than Amazon MQ allows on mq.m7g.medium: at most ${most}.`,
    ]),
    [
      'a limit of no queues',
      { brokerMaxQueues: '0' },
      'brokerMaxQueues must be a number from 20 to 1000000.',
    ],
    [
      'the name of a secret instead of its ARN',
      { ...EXISTING, brokerSecretArn: 'trove' },
      'brokerSecretArn must be the full ARN of a secret, with the six characters that Secrets Manager adds.',
    ],
    [
      'credentials in the endpoint',
      { ...EXISTING, brokerEndpoint: 'amqps://user:hunter2@host:5671' },
      'brokerEndpoint must be amqps://host:5671, as Amazon MQ shows it.',
    ],
    [
      'plaintext to the broker',
      { ...EXISTING, brokerEndpoint: 'amqp://host:5672' },
      'brokerEndpoint must be amqps://host:5671, as Amazon MQ shows it.',
    ],
    [
      'subnets as a JSON list',
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
    [
      'a number in words',
      { rpcTimeoutSeconds: 'soon' },
      'rpcTimeoutSeconds must be a number from 0.1 to 18.',
    ],
    [
      'a rate with half a minute',
      { healthCheckRateMinutes: 2.5 },
      'healthCheckRateMinutes must be a whole number.',
    ],
    [
      'pings that take all connections',
      { pingConcurrency: '150' },
      'pingConcurrency=150 leaves others no connection to a broker that takes 300 (see brokerMaxConnections): it must be less than half of that.',
    ],
    [
      'too little memory for a sweep',
      { healthCheckMemoryMb: '128' },
      'healthCheckMemoryMb must be a number from 256 to 10240.',
    ],
    [
      'a name that CloudFormation does not take',
      { stackName: 'guest.rpc.ping' },
      'stackName must be at most 51 letters, digits and hyphens, of which the first is a letter.',
    ],
    ['a yes instead of true', { anyoneMayCallTheApi: 'yes' }, 'anyoneMayCallTheApi must be true or false.'],
    [
      'a Keystone in the clear',
      { ...BY_CIDR, keystoneUrl: 'http://k/v3' },
      'keystoneUrl must be https://…/v3.',
    ],
    [
      'a login in its URL',
      { ...BY_CIDR, keystoneUrl: 'https://u:p@k/v3' },
      'keystoneUrl must be https://…/v3.',
    ],
    [
      'an API of version 2',
      { ...BY_CIDR, keystoneUrl: 'https://k/v2.0' },
      'keystoneUrl must be https://…/v3.',
    ],
    [
      'Keystone and anyone',
      { ...BY_CIDR, anyoneMayCallTheApi: 'true' },
      'keystoneUrl and anyoneMayCallTheApi=true exclude each other: set one of the two.',
    ],
    [
      'a Keystone to which there is no way',
      NOWHERE,
      'keystoneUrl needs either keystoneCidr or keystoneSecurityGroupId: where it is reached from the VPC.',
    ],
    [
      'two ways',
      { ...BY_GROUP, keystoneCidr: BY_CIDR.keystoneCidr },
      'keystoneUrl needs either keystoneCidr or keystoneSecurityGroupId: where it is reached from the VPC.',
    ],
    [
      'a way to everywhere',
      { ...NOWHERE, keystoneCidr: '0.0.0.0/0' },
      'keystoneCidr must be a block of addresses such as 10.1.2.3/32, at most a /8.',
    ],
    ['a way without Keystone', { keystoneCidr: BY_CIDR.keystoneCidr }, 'keystoneCidr needs keystoneUrl.'],
    [
      'roles without names',
      { ...BY_CIDR, keystoneAdminRoles: ',' },
      'keystoneAdminRoles must be names of roles, joined by commas.',
    ],
    [
      'certificates that are not there',
      { ...BY_CIDR, caCertificates: '/nowhere.pem' },
      'caCertificates: /nowhere.pem cannot be read: ENOENT.',
    ],
    ['an unknown setting', { brokerld: ID }, 'brokerld is not a setting: see infra/README.md, Settings.'],
  ])('%s is refused in one sentence', (_what, values, message) => {
    expect(() => readSettings(values)).toThrow(new InvalidSetting(message));
  });

  test.each([
    ['CERTIFICATE', 'is not a PEM file of certificates.'],
    ['PRIVATE KEY', 'has a private key in it.'],
  ])('certificates in a file with a false %s are refused in one sentence', (label, what) => {
    const folder = mkdtempSync(join(tmpdir(), 'guest-rpc-ping-settings-'));
    const path = join(folder, 'ca.pem');
    writeFileSync(path, `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`);
    const refusal = new InvalidSetting(`caCertificates: ${path} ${what}`);
    expect(() => readSettings({ ...BY_CIDR, caCertificates: path })).toThrow(refusal);
    rmSync(folder, { recursive: true });
  });
});

describe('defaults', () => {
  test('no settings mean a new single-instance broker of RabbitMQ 4.2, and an API with IAM authorization', () => {
    expect(readSettings({ 'aws:cdk:version': '2', '@aws-cdk/core:x': true, brokerId: '' })).toMatchObject({
      broker: {
        kind: 'new',
        model: { isCluster: false, version: '4.2', instanceType: 'mq.m7g.medium' },
      },
      anyoneMayCallTheApi: false,
    });
  });

  test.each([
    [{ brokerVersion: '4.3' }, { version: '4.3', instanceType: 'mq.m7g.medium' }],
    [{ brokerInstanceType: 'mq.m7g.large' }, { version: '4.2', instanceType: 'mq.m7g.large' }],
    [{ newBroker: 'cluster' }, { version: '4.2', instanceType: 'mq.m7g.large', isCluster: true }],
  ])('the settings %j mean a broker of %j', (values, model) => {
    expect(readSettings(values).broker).toMatchObject({ model });
  });

  test('the control plane is pinged by its two topics, unless others or none are set', () => {
    expect(readSettings({}).controlPlaneTopics).toBe('taskmanager,trove-conductor');
    expect(readSettings({ controlPlaneTopics: 'nova:compute' }).controlPlaneTopics).toBe('nova:compute');
    expect(readSettings({ controlPlaneTopics: 'none' }).controlPlaneTopics).toBe('');
  });

  test.each([
    [{}, 300, 30],
    [{ brokerMaxConnections: '100' }, 100, 10],
    [{ brokerInstanceType: 'mq.m7g.large' }, 1500, 50],
    [{ newBroker: 'cluster', brokerInstanceType: 'mq.m7g.medium', brokerMaxConnections: '100' }, 200, 20],
    [EXISTING, 100, 10],
    [{ ...EXISTING, brokerMaxConnections: '5000' }, 5000, 50],
    [{ brokerVersion: '3.13', brokerMaxConnections: '5000', brokerMaxQueues: '20000' }, 5000, 50],
  ])(
    'with %j, a broker takes %i connections, of which pings get %i: a tenth, at most 50',
    (values, maxConnections, pingConcurrency) => {
      expect(readSettings(values)).toMatchObject({ broker: { maxConnections }, pingConcurrency });
    },
  );
});
