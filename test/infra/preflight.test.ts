import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { freePort } from '../../infra/local/parts/free-port.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { preflight } from '../../infra/preflight/preflight-command.ts';
import { type AwsAnswer, type AwsRequest, AwsStandIn } from '../setup/aws-stand-in.ts';
import { makeCertificates } from '../setup/certificates.ts';
import { ENDPOINT, EXISTING, type File, ID, KEY, NEW } from './variants.ts';

const { brokerId: _, ...BY_ENDPOINT } = EXISTING;
const SERVICE = 'com.amazonaws.eu-central-1';
const ALL: File = {
  ...EXISTING,
  s3PrefixListId: 'pl-0123abcd',
  guestKeySecretPrefix: 'trove/keys/',
  kmsKeyArn: KEY,
};

/** What AWS's APIs answer, by the name of the action; each test may set its own. */
let answers: Record<string, AwsAnswer>;
let aws: AwsStandIn;
let folder: TemporaryFolder;

beforeAll(async () => {
  folder = new TemporaryFolder('preflight');
  await makeCertificates(folder.path, 'good');
  aws = await AwsStandIn.start((request) => {
    const unknown = { status: 400, body: { __type: 'UnknownOperationException' } };
    return answers[actionOf(request)] ?? unknown;
  });
});
afterAll(async () => {
  await aws.close();
  await folder.remove();
});
beforeEach(() => {
  answers = account();
});

/** The name of the action, or of the attribute that is asked for, in each of the protocols that AWS's APIs speak. */
function actionOf({ headers, body, path }: AwsRequest): string {
  const target = String(headers['x-amz-target'] ?? '').split('.')[1];
  const form = new URLSearchParams(body);
  return target ?? form.get('Attribute') ?? form.get('Action') ?? path.split('?')[0] ?? '';
}

function xml(action: string, content: string): AwsAnswer {
  return {
    headers: { 'content-type': 'text/xml' },
    body: `<${action}Response>${content}</${action}Response>`,
  };
}

/** A list as EC2 writes it. */
function list(name: string, items: readonly string[]): string {
  return `<${name}>${items.map((item) => `<item>${item}</item>`).join('')}</${name}>`;
}

function vpc(id: string, cidr: string, stack = ''): string {
  const tags = list('tagSet', [`<key>aws:cloudformation:stack-name</key><value>${stack}</value>`]);
  return `<vpcId>${id}</vpcId><cidrBlock>${cidr}</cidrBlock>${tags}`;
}

function services(zones: readonly string[]): AwsAnswer {
  const details = ['secretsmanager', 'mq'].map(
    (name) => `<serviceName>${SERVICE}.${name}</serviceName>${list('availabilityZoneSet', zones)}`,
  );
  return xml('DescribeVpcEndpointServices', list('serviceDetailSet', details));
}

function secret(value: object | string, more: object = {}): Record<string, AwsAnswer> {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return { GetSecretValue: { body: { SecretString: text } }, DescribeSecret: { body: more } };
}

function broker(more: object = {}): AwsAnswer {
  return {
    headers: { 'content-type': 'application/json' },
    body: {
      brokerName: 'trove',
      brokerState: 'RUNNING',
      engineType: 'RABBITMQ',
      engineVersion: '4.2.1',
      hostInstanceType: 'mq.m7g.large',
      publiclyAccessible: false,
      securityGroups: ['sg-0a1b2c3d4e5f60718'],
      ...more,
    },
  };
}

function dns(name: string, isOn: boolean): Record<string, AwsAnswer> {
  return { [name]: xml('DescribeVpcAttribute', `<${name}><value>${isOn}</value></${name}>`) };
}

const BY_IAM = {
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam::123456789012:root' },
  Action: 'kms:*',
  Resource: '*',
};
const OF_SERVICES = {
  Effect: 'Allow',
  Principal: {
    Service: ['logs.eu-central-1.amazonaws.com', 'cloudwatch.amazonaws.com', 'events.amazonaws.com'],
  },
  Action: ['kms:Decrypt*', 'kms:GenerateDataKey*'],
  Resource: '*',
};

function keyPolicy(statements: readonly object[]): AwsAnswer {
  return { body: { Policy: JSON.stringify({ Statement: statements }) } };
}

function offer(zones: readonly string[], more: object = {}): AwsAnswer {
  const option = {
    availabilityZones: zones.map((name) => ({ name })),
    supportedDeploymentModes: ['SINGLE_INSTANCE', 'CLUSTER_MULTI_AZ'],
    supportedEngineVersions: ['3.13', '4.2'],
    ...more,
  };
  return { body: { brokerInstanceOptions: [option] } };
}

function stack(status: string, made: object): AwsAnswer {
  const making = `<ParameterKey>BrokerMadeWith</ParameterKey><ParameterValue>${JSON.stringify(made)}</ParameterValue>`;
  const member = `<StackName>trove-broker</StackName><CreationTime>2026-11-29T00:00:00Z</CreationTime><StackStatus>${status}</StackStatus><Parameters><member>${making}</member></Parameters>`;
  return xml(
    'DescribeStacks',
    `<DescribeStacksResult><Stacks><member>${member}</member></Stacks></DescribeStacksResult>`,
  );
}

/** An account in which nothing is in the way. */
function account(): typeof answers {
  const arn = 'arn:aws:sts::123456789012:assumed-role/deployer/me';
  const caller = `<GetCallerIdentityResult><Arn>${arn}</Arn><Account>123456789012</Account></GetCallerIdentityResult>`;
  const none = { status: 404, headers: { 'x-amzn-errortype': 'ResourceNotFoundException' }, body: {} };
  const zones = ['eu-central-1a', 'eu-central-1b', 'eu-central-1c'];
  const subnets = EXISTING.subnetIds.map(
    (id, at) =>
      `<subnetId>${id}</subnetId><vpcId>${EXISTING.vpcId}</vpcId><availabilityZone>${zones[at]}</availabilityZone>`,
  );
  return {
    GetCallerIdentity: xml('GetCallerIdentity', caller),
    GetParameter: { body: { Parameter: { Value: '25' } } },
    '/2016-08-19/account-settings': {
      body: { AccountLimit: { ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: 155 } },
    },
    '/2019-09-30/functions/trove-rpc-ping/concurrency': none,
    '/2019-09-30/functions/trove-health-check/concurrency': none,
    '/2019-09-30/functions/trove-fleet-page/concurrency': none,
    '/2019-09-30/functions/trove-fleet/concurrency': none,
    '/v1/broker-instance-options': offer(zones),
    '/v1/brokers': { body: { brokerSummaries: [] } },
    [`/v1/brokers/${ID}`]: broker(),
    DescribeAvailabilityZones: xml(
      'DescribeAvailabilityZones',
      list(
        'availabilityZoneInfo',
        zones.toReversed().map((zone) => `<zoneName>${zone}</zoneName>`),
      ),
    ),
    DescribeSubnets: xml('DescribeSubnets', list('subnetSet', subnets)),
    DescribeVpcEndpointServices: services(zones),
    ...dns('enableDnsSupport', true),
    ...dns('enableDnsHostnames', true),
    DescribeKey: { body: { KeyMetadata: { KeyState: 'Enabled', KeySpec: 'SYMMETRIC_DEFAULT' } } },
    GetKeyPolicy: keyPolicy([BY_IAM, OF_SERVICES]),
    DescribeStacks: {
      status: 400,
      headers: { 'content-type': 'text/xml' },
      body: '<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id trove-broker does not exist</Message></Error></ErrorResponse>',
    },
    DescribeVpcs: xml('DescribeVpcs', list('vpcSet', [vpc('vpc-0', '10.0.0.0/16', 'trove-broker')])),
    DescribeManagedPrefixLists: xml(
      'DescribeManagedPrefixLists',
      list('prefixListSet', ['<prefixListId>pl-0123abcd</prefixListId>']),
    ),
    DescribeVpcEndpoints: xml(
      'DescribeVpcEndpoints',
      list('vpcEndpointSet', ['<vpcEndpointType>Gateway</vpcEndpointType>']),
    ),
    ...secret({ username: 'guest-rpc-ping', password: 'hunter2' }),
    ListSecrets: { body: { SecretList: [{ Name: 'trove/keys/0e4b5a7e-5e4c-4a53-9d19-0f3f4e6b2a11' }] } },
  };
}

/** Runs the command for these settings. @returns its exit code, and its lines without colours */
async function run(settings: File, variables: Record<string, string> = {}) {
  await writeFile(folder.file('trove.json'), JSON.stringify(settings));
  return runWith(['trove', folder.path], variables);
}

async function runWith(args: string[], variables: Record<string, string> = {}) {
  const { env } = process;
  process.env = {
    PATH: env['PATH'] ?? '',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    ...aws.settings,
    ...variables,
  };
  const lines: string[] = [];
  const spies = (['log', 'error'] as const).map((name) =>
    jest.spyOn(console, name).mockImplementation((line) => void lines.push(stripVTControlCharacters(line))),
  );
  try {
    return { code: await preflight(args), lines };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.env = env;
  }
}

describe('nothing is in the way', () => {
  test('of a new broker', async () => {
    expect(await run(NEW)).toEqual({
      code: 0,
      lines: [
        '✔ Credentials: arn:aws:sts::123456789012:assumed-role/deployer/me, in eu-central-1.',
        '✔ Account 123456789012 in eu-central-1: all ARNs are of it.',
        "✔ CDK's bootstrap stack in eu-central-1: version 25.",
        "✔ Lambda's concurrency: 155 unreserved, 35 wanted.",
        '✔ The stack trove-broker: new.',
        '✔ The name guest-rpc-ping: free in Amazon MQ.',
        '✔ A single-instance of RabbitMQ 4.2 on mq.m7g.medium: Amazon MQ has it in eu-central-1a and eu-central-1b.',
        '✔ Interface endpoints: secretsmanager in eu-central-1a and eu-central-1b.',
        '✔ Addresses: 10.0.0.0/24 is free in this account.',
        '✔ S3: its list of addresses is pl-0123abcd.',
      ],
    });
  });

  test('of functions beside an existing broker', async () => {
    expect(await run(ALL)).toEqual({
      code: 0,
      lines: [
        expect.stringMatching(/^✔ Credentials/),
        expect.stringMatching(/^✔ Account/),
        expect.stringMatching(/^✔ CDK/),
        "✔ Lambda's concurrency: 155 unreserved, 15 wanted.",
        `✔ The broker ${ID}: running, RabbitMQ 4.2.1 on mq.m7g.large.`,
        '✔ The subnets: in vpc-0a1b2c3d4e5f60718, in eu-central-1a, eu-central-1b.',
        '✔ The DNS of vpc-0a1b2c3d4e5f60718: on.',
        '✔ Interface endpoints: secretsmanager, mq in eu-central-1a and eu-central-1b.',
        '✔ S3: its list of addresses is pl-0123abcd, and vpc-0a1b2c3d4e5f60718 has a way to it or gets one.',
        '✔ brokerSecretArn: has username and password.',
        '✔ kmsKeyArn: enabled, and its policy lets those use it who have to.',
        '✔ guestKeySecretPrefix: 1 of a guest.',
      ],
    });
  });

  test('of a broker that is deployed again, with a key of its own', async () => {
    answers['/v1/brokers'] = { body: { brokerSummaries: [{ brokerName: 'guest-rpc-ping', brokerId: ID }] } };
    answers['DescribeStacks'] = stack('UPDATE_COMPLETE', {
      newBroker: NEW.newBroker,
      brokerName: NEW.brokerName,
      brokerKmsKeyArn: KEY,
      vpcCidr: NEW.vpcCidr,
    });
    answers[`/v1/brokers/${ID}`] = broker({ tags: { 'aws:cloudformation:stack-name': 'trove-broker' } });
    const { code, lines } = await run({ ...NEW, brokerKmsKeyArn: KEY });
    expect([code, lines]).toEqual([
      0,
      expect.arrayContaining([
        '✔ The stack trove-broker: its broker was made with these settings.',
        '✔ The name guest-rpc-ping: its broker is of the stack trove-broker.',
        '✔ brokerKmsKeyArn: enabled, and its policy lets those use it who have to.',
      ]),
    ]);
  });

  test('where the deployed functions have reserved what they need', async () => {
    answers['/2016-08-19/account-settings'] = {
      body: { AccountLimit: { UnreservedConcurrentExecutions: 100 } },
    };
    answers['/2019-09-30/functions/trove-rpc-ping/concurrency'] = {
      body: { ReservedConcurrentExecutions: 35 },
    };
    expect((await run(NEW)).code).toBe(0);
  });
});

describe('what is to be done', () => {
  test.each<[string, File, typeof answers, string]>([
    [
      'no bootstrap',
      NEW,
      { GetParameter: { status: 400, body: { __type: 'ParameterNotFound' } } },
      "CDK's bootstrap stack in eu-central-1: there is none. Run `npx cdk bootstrap`.",
    ],
    [
      'lost settings of a broker, written anew',
      NEW,
      { DescribeStacks: stack('UPDATE_COMPLETE', { ...NEW, newBroker: 'cluster' }) },
      `The stack trove-broker: its broker was made with ${JSON.stringify({ ...NEW, newBroker: 'cluster' })}, and these settings would replace it: set them back, or see infra/README.md, Replace or remove a broker.`,
    ],
    [
      'a first deployment that failed',
      NEW,
      { DescribeStacks: stack('ROLLBACK_COMPLETE', NEW) },
      'The stack trove-broker: its first deployment failed. Allow its removal: `aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name trove-broker`, and deploy again.',
    ],
    [
      'an old bootstrap',
      NEW,
      { GetParameter: { body: { Parameter: { Value: '4' } } } },
      "CDK's bootstrap stack in eu-central-1: version 4 is too old. Run `npx cdk bootstrap`.",
    ],
    [
      'a new account',
      NEW,
      {
        '/2016-08-19/account-settings': {
          body: { AccountLimit: { ConcurrentExecutions: 10, UnreservedConcurrentExecutions: 10 } },
        },
      },
      "Lambda's concurrency: 10 are unreserved in eu-central-1, and the functions need 35 beside the 100 that Lambda keeps. Ask for more: `aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000`.",
    ],
    [
      'an ARN of another region',
      { ...NEW, brokerKmsKeyArn: KEY.replace('central', 'west') },
      {},
      'Account 123456789012 in eu-central-1: brokerKmsKeyArn is in eu-west-1: set another one, or AWS_REGION.',
    ],
    [
      'a type that the region lacks',
      NEW,
      { '/v1/broker-instance-options': { body: { brokerInstanceOptions: [] } } },
      'A single-instance of RabbitMQ 4.2 on mq.m7g.medium: Amazon MQ does not have the type in eu-central-1: set brokerInstanceType.',
    ],
    [
      'a type that a zone lacks',
      { ...NEW, newBroker: 'cluster', availabilityZones: ['eu-central-1a', 'eu-central-1b'] },
      { '/v1/broker-instance-options': offer(['eu-central-1c', 'eu-central-1a']) },
      'A cluster of RabbitMQ 4.2 on mq.m7g.large: eu-central-1b does not have the type: set availabilityZones to two of eu-central-1a, eu-central-1c.',
    ],
    [
      'a type without the version',
      NEW,
      {
        '/v1/broker-instance-options': offer(['eu-central-1a', 'eu-central-1b'], {
          supportedEngineVersions: ['3.13'],
        }),
      },
      'A single-instance of RabbitMQ 4.2 on mq.m7g.medium: the type has RabbitMQ 3.13: set brokerVersion.',
    ],
    [
      'a zone without endpoints',
      NEW,
      { DescribeVpcEndpointServices: services(['eu-central-1a', 'eu-central-1c']) },
      'Interface endpoints: com.amazonaws.eu-central-1.secretsmanager has none in eu-central-1b: choose zones among eu-central-1a, eu-central-1c.',
    ],
    [
      'clients with the addresses of the VPC',
      { ...NEW, clientCidrs: ['10.0.0.128/25'] },
      {},
      'Addresses: clientCidrs 10.0.0.128/25 overlaps with vpcCidr 10.0.0.0/24: set another vpcCidr.',
    ],
    [
      'a name that another broker has',
      NEW,
      {
        '/v1/brokers': { body: { brokerSummaries: [{ brokerName: 'guest-rpc-ping', brokerId: ID }] } },
        [`/v1/brokers/${ID}`]: broker(),
      },
      `The name guest-rpc-ping: the broker ${ID} has it, and is not of the stack trove-broker: set another brokerName.`,
    ],
    [
      'a VPC without DNS',
      { ...BY_ENDPOINT, brokerEndpoint: ENDPOINT },
      {
        [`/v1/brokers/${ID}`]: broker({ brokerInstances: [{ endpoints: [ENDPOINT] }] }),
        ...dns('enableDnsSupport', false),
        ...dns('enableDnsHostnames', false),
      },
      'The DNS of vpc-0a1b2c3d4e5f60718: enableDnsSupport is off, so that no name resolves: `aws ec2 modify-vpc-attribute --vpc-id vpc-0a1b2c3d4e5f60718 --enable-dns-support`.',
    ],
    [
      'a VPC without names of its own',
      EXISTING,
      dns('enableDnsHostnames', false),
      "The DNS of vpc-0a1b2c3d4e5f60718: enableDnsHostnames is off, which the endpoint of Amazon MQ's API needs: `aws ec2 modify-vpc-attribute --vpc-id vpc-0a1b2c3d4e5f60718 --enable-dns-hostnames`, or set brokerEndpoint in place of brokerId.",
    ],
    [
      'a key that is disabled',
      { ...NEW, secretsKmsKeyArn: KEY },
      { DescribeKey: { body: { KeyMetadata: { KeyState: 'Disabled', KeySpec: 'RSA_2048' } } } },
      'secretsKmsKeyArn: its state is Disabled: enable it, or set another one; it is RSA_2048: set one for encryption, symmetric.',
    ],
    [
      'a key that is not there',
      { ...NEW, secretsKmsKeyArn: KEY },
      { DescribeKey: { status: 400, body: { __type: 'NotFoundException', message: 'Invalid keyId' } } },
      'secretsKmsKeyArn cannot be checked: NotFoundException: Invalid keyId. Compare the name with the settings, and AWS_REGION.',
    ],
    [
      'a key whose policy names people alone',
      { ...NEW, secretsKmsKeyArn: KEY },
      { GetKeyPolicy: keyPolicy([{ ...BY_IAM, Principal: { AWS: 'arn:aws:iam::123456789012:user/a' } }]) },
      'secretsKmsKeyArn: its policy must allow kms:Decrypt to arn:aws:iam::123456789012:root.',
    ],
    [
      'a key that logs and topic cannot use',
      ALL,
      { GetKeyPolicy: keyPolicy([BY_IAM, { ...OF_SERVICES, Action: 'kms:Decrypt' }]) },
      'kmsKeyArn: its policy must allow kms:GenerateDataKey to logs.eu-central-1.amazonaws.com; its policy must allow kms:GenerateDataKey to cloudwatch.amazonaws.com; its policy must allow kms:GenerateDataKey to events.amazonaws.com.',
    ],
    [
      'a broker of another kind',
      EXISTING,
      { [`/v1/brokers/${ID}`]: broker({ engineType: 'ACTIVEMQ', brokerState: 'REBOOT_IN_PROGRESS' }) },
      `The broker ${ID}: it is ACTIVEMQ, not RabbitMQ; its state is REBOOT_IN_PROGRESS: wait for RUNNING.`,
    ],
    [
      'settings of another broker',
      EXISTING,
      { [`/v1/brokers/${ID}`]: broker({ brokerName: 'two', securityGroups: ['sg-2'] }) },
      `The broker ${ID}: its name is two: set brokerName; its security groups are sg-2: set brokerSecurityGroupId.`,
    ],
    [
      'no such broker',
      EXISTING,
      {
        [`/v1/brokers/${ID}`]: {
          status: 404,
          headers: { 'x-amzn-errortype': 'NotFoundException' },
          body: { message: 'Broker not found' },
        },
      },
      `The broker ${ID} cannot be checked: NotFoundException: Broker not found. Compare the name with the settings, and AWS_REGION.`,
    ],
    [
      'subnets of one zone',
      { ...EXISTING, vpcId: 'vpc-0a1b2c3d' },
      {},
      'The subnets: subnet-0a1b2c3d4e5f60718, subnet-0a1b2c3d4e5f60719 is not in vpc-0a1b2c3d: set subnetIds or vpcId.',
    ],
    [
      'another prefix list',
      { ...ALL, s3PrefixListId: 'pl-99999999' },
      {},
      "S3: pl-99999999 is not S3's list of addresses in eu-central-1: set s3PrefixListId to pl-0123abcd.",
    ],
    [
      'no way to S3',
      { ...ALL, routeTableIds: [] },
      { DescribeVpcEndpoints: xml('DescribeVpcEndpoints', '') },
      'S3: vpc-0a1b2c3d4e5f60718 has no gateway endpoint of S3: set routeTableIds to the tables of subnetIds, and the stack makes one.',
    ],
    [
      'a second way to S3',
      { ...ALL, routeTableIds: ['rtb-0123abcd'] },
      {
        DescribeVpcEndpoints: xml(
          'DescribeVpcEndpoints',
          list('vpcEndpointSet', [
            `<vpcEndpointType>Gateway</vpcEndpointType>${list('routeTableIdSet', ['rtb-0123abcd'])}`,
          ]),
        ),
      },
      'S3: rtb-0123abcd has a gateway endpoint of S3 already: remove it from routeTableIds.',
    ],
    [
      'an endpoint of another service',
      { ...EXISTING, access: 'private', apiEndpointId: 'vpce-0123abcd' },
      {
        DescribeVpcEndpoints: xml(
          'DescribeVpcEndpoints',
          list('vpcEndpointSet', [`<serviceName>${SERVICE}.s3</serviceName><state>available</state>`]),
        ),
      },
      `The endpoint vpce-0123abcd: it is one of ${SERVICE}.s3, not of ${SERVICE}.execute-api: set apiEndpointId.`,
    ],
    [
      'a secret of another form',
      EXISTING,
      secret({ user: 'guest-rpc-ping' }),
      'brokerSecretArn: its value must be {"username": "…", "password": "…"}.',
    ],
    [
      'a secret that is no JSON',
      EXISTING,
      secret('hunter2'),
      'brokerSecretArn: its value must be {"username": "…", "password": "…"}.',
    ],
    [
      'a secret with a key that the functions may not use',
      EXISTING,
      secret({ username: 'u', password: 'p' }, { KmsKeyId: KEY }),
      `brokerSecretArn: the key ${KEY} encrypts it: set secretsKmsKeyArn to the ARN of this key.`,
    ],
    [
      "no guest's key",
      ALL,
      { ListSecrets: { body: { SecretList: [] } } },
      "guestKeySecretPrefix: no secret's name begins with trove/keys/: keep each guest's key in trove/keys/<instance_id>.",
    ],
    [
      'a question that the caller may not ask',
      EXISTING,
      {
        GetSecretValue: {
          status: 400,
          body: {
            __type: 'AccessDeniedException',
            message: 'not authorized to perform: secretsmanager:GetSecretValue',
          },
        },
      },
      'brokerSecretArn cannot be checked: AccessDeniedException: not authorized to perform: secretsmanager:GetSecretValue. Grant what the message names to the caller (`aws sts get-caller-identity`).',
    ],
  ])('%s', async (_what, settings, changed, sentence) => {
    Object.assign(answers, changed);
    const { code, lines } = await run(settings);
    expect([code, lines.filter((line) => !line.startsWith('✔') && !line.startsWith('…'))]).toEqual([
      1,
      [`✘ ${sentence}`],
    ]);
    expect(lines.join('')).not.toContain('hunter2');
  });

  test('credentials, where there are none: nothing else of AWS is asked', async () => {
    const { code, lines } = await run(NEW, { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });
    expect([code, lines]).toEqual([
      1,
      [expect.stringMatching(/^✘ The caller's identity cannot be read: .*Export credentials/)],
    ]);
  });

  test('a region, where there is none', async () => {
    const { code, lines } = await run(NEW, { AWS_REGION: '' });
    expect([code, lines]).toEqual([1, [expect.stringMatching(/Export AWS_REGION\.$/)]]);
  });
});

test('answers that cannot be read are a line each, never a stack', async () => {
  const caller = answers['GetCallerIdentity'];
  answers = new Proxy({}, { get: () => ({ body: "<html>a proxy's page" }) });
  const { code, lines } = await run(ALL);
  expect([code, lines]).toEqual([1, [expect.stringMatching(/^✘ The caller's identity cannot be read: /)]]);
  answers = new Proxy({}, { get: (_, name) => (name === 'GetCallerIdentity' ? caller : { body: '<html>' }) });
  const further = await run(ALL);
  expect(further.code).toBe(1);
  expect(further.lines.filter((line) => line.startsWith('✘')).length).toBeGreaterThan(6);
  expect([...lines, ...further.lines].filter((line) => /\n|TypeError/.test(line))).toEqual([]);
});

test('AWS is asked all at once', async () => {
  const { answer } = aws;
  const { promise: allAsked, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  aws.answer = async (request) => {
    if (actionOf(request) === 'DescribeVpcEndpoints') return answer(request); // once the prefix list is known
    if (actionOf(request) !== 'GetCallerIdentity' && ++asked < 8) await allAsked;
    else if (asked === 8) resolve();
    return answer(request);
  };
  const { code } = await run(ALL).finally(() => {
    aws.answer = answer;
  });
  expect([code, asked]).toEqual([0, 17]);
});

describe('for a person to decide', () => {
  test('a VPC with the same addresses', async () => {
    answers['DescribeVpcs'] = xml('DescribeVpcs', list('vpcSet', [vpc('vpc-1', '10.0.0.0/8')]));
    const { code, lines } = await run(NEW);
    expect(code).toBe(0);
    expect(lines).toContain(
      '… Addresses: vpc-1 overlaps with vpcCidr 10.0.0.0/24, and can never be connected to the broker. vpcCidr cannot be changed later.',
    );
  });

  test('a key of another account, whose policy cannot be read', async () => {
    const key = KEY.replace('123456789012', '210987654321');
    const { code, lines } = await run({ ...NEW, kmsKeyArn: key });
    expect([code, lines.filter((line) => line.startsWith('…'))]).toEqual([
      0,
      [
        '… Account 123456789012 in eu-central-1: kmsKeyArn is of the account 210987654321, which must let this one use it.',
        '… kmsKeyArn: it is of the account 210987654321: its policy must let the account 123456789012 use it.',
      ],
    ]);
  });

  test('an existing broker without a way to S3', async () => {
    expect((await run(EXISTING)).lines).toContain(
      '… S3: no state is kept and no changes are reported. To have both, set s3PrefixListId to pl-0123abcd.',
    );
  });
});

describe('Keystone and Trove', () => {
  const WAY = { keystoneCidr: '10.1.2.0/24' };

  async function serve(certificate: string) {
    const [key, cert] = ['key', 'pem'].map((end) => readFileSync(folder.file(`${certificate}.${end}`)));
    const server = createServer({ key: key ?? '', cert: cert ?? '' }, (_, response) =>
      response.writeHead(300).end(),
    );
    await once(server.listen(0, 'localhost'), 'listening');
    const address = server.address();
    return { server, url: `https://localhost:${typeof address === 'object' ? address?.port : 0}/v3` };
  }

  test("Keystone's certificate is good by the private CA, and refused without", async () => {
    const { server, url: keystoneUrl } = await serve('good');
    try {
      const trusted = await run({ ...NEW, ...WAY, keystoneUrl, caCertificates: folder.file('ca.pem') });
      expect([trusted.code, trusted.lines.at(-1)]).toEqual([
        0,
        `✔ keystoneUrl: ${keystoneUrl} answers (300), with a good certificate.`,
      ]);
      const { code, lines } = await run({ ...NEW, ...WAY, keystoneUrl });
      expect([code, lines.at(-1)]).toEqual([
        1,
        expect.stringMatching(
          /^✘ keystoneUrl: the certificate of .* is refused \(\w+: .*\)\. Set caCertificates/,
        ),
      ]);
    } finally {
      server.close();
    }
  });

  test('a Keystone that cannot be reached from here fails nothing', async () => {
    const keystoneUrl = `https://127.0.0.1:${await freePort()}/v3`;
    const { code, lines } = await run({ ...NEW, ...WAY, keystoneUrl });
    expect([code, lines.at(-1)]).toEqual([
      0,
      expect.stringContaining(`… keystoneUrl: ${keystoneUrl} cannot be reached: ECONNREFUSED from here.`),
    ]);
  });
});

describe('arguments', () => {
  test.each([[[]], [['a', 'b', 'c']], [['--force', 'a']]])('%j show the usage', async (args) => {
    expect(await runWith(args)).toEqual({
      code: 1,
      lines: [expect.stringContaining('npm run preflight -- NAME')],
    });
  });

  test('a deployment that does not exist, and one that is wrong', async () => {
    const missing = `There is no deployment nowhere: copy one of infra/deployments/examples to ${folder.file('nowhere.json')}.`;
    for (const name of ['nowhere', 'infra/deployments/nowhere.json'])
      expect(await runWith([name, folder.path])).toEqual({ code: 1, lines: [missing] });
    expect(await run({ ...NEW, brokerName: 'a b' })).toEqual({
      code: 1,
      lines: [expect.stringMatching(/^trove\.json: brokerName must be/)],
    });
  });
});
