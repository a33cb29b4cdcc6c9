import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { toJsonSchema } from '@valibot/to-json-schema';
import ajv from 'ajv';
import { INSTANCE_TYPES } from '../../infra/broker/broker-limits.ts';
import { readDeployments } from '../../infra/settings/deployment-files.ts';
import { DEPLOYMENT, readSettings } from '../../infra/settings/deployment-settings.ts';
import { InvalidSettings } from '../../infra/settings/invalid-settings.ts';
import { EXISTING, type File, ID, KEY, NEW } from './variants.ts';

const BY_CIDR = { keystoneUrl: 'https://keystone.example:5000/v3', keystoneCidr: '10.1.2.0/24' };
const TROVE = {
  ...BY_CIDR,
  troveUrl: 'https://trove.example:8779/v1.0',
  troveCidr: '10.1.2.0/24',
  troveSecretArn: EXISTING.brokerSecretArn,
};
const FOLDER = join(import.meta.dirname, '..', '..', 'infra');

/** The settings without one of them. */
function without(name: string, settings: File): File {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => key !== name));
}

describe('refused in one sentence', () => {
  const way = 'where it is reached from the VPC';
  test.each<[string, File, string]>([
    [
      'no broker',
      without('brokerId', EXISTING),
      'there is no broker: newBroker makes one, brokerEndpoint or brokerId names one that exists',
    ],
    [
      'an existing broker for a new one',
      { ...NEW, brokerId: ID },
      'brokerId is not a setting of a deployment with a new broker',
    ],
    [
      "a new broker's setting for an existing one",
      { ...EXISTING, brokerVersion: '4.2' },
      'brokerVersion is not a setting of a deployment beside an existing broker',
    ],
    ...[
      'brokerName',
      'brokerSecretArn',
      'vpcId',
      'subnetIds',
      'brokerSecurityGroupId',
      'brokerMaxConnections',
      'brokerMaxQueues',
    ].map((name): [string, File, string] => [
      `an existing broker without ${name}`,
      without(name, EXISTING),
      `${name} is missing`,
    ]),
    [
      'a wait that the functions refuse',
      { ...NEW, abandonedAfterHours: 8761 },
      'abandonedAfterHours must be a number from 1 to 8760',
    ],
    [
      'a role that the functions refuse',
      { ...EXISTING, ...BY_CIDR, keystoneAdminRoles: 'admin, ,x' },
      'keystoneAdminRoles must be names of roles, joined by commas',
    ],
    ['a new broker without addresses', without('vpcCidr', NEW), 'vpcCidr is missing'],
    [
      'a mistyped setting',
      { ...NEW, brokerNmae: 'trove' },
      'brokerNmae is not a setting of a deployment with a new broker',
    ],
    [
      'another kind of broker',
      { ...NEW, newBroker: 'two' },
      'newBroker must be "single-instance" or "cluster"',
    ],
    ['another version', { ...NEW, brokerVersion: '3.8' }, 'brokerVersion must be "3.13" or "4.2" or "4.3"'],
    [
      'another type',
      { ...NEW, brokerInstanceType: 'mq.t3.micro' },
      `brokerInstanceType must be "${INSTANCE_TYPES.join('" or "')}"`,
    ],
    [
      'a name that Amazon MQ refuses',
      { ...NEW, brokerName: 'trove eu' },
      'brokerName must be 1 to 50 letters, digits and - _',
    ],
    [
      'a name that CloudFormation refuses',
      { ...NEW, brokerName: 'trove.eu' },
      'brokerName must be 1 to 50 letters, digits and - _',
    ],
    [
      'a name that no broker can have',
      { ...EXISTING, brokerName: 'trove eu' },
      'brokerName must be 1 to 50 letters, digits and - . _ ~',
    ],
    [
      'zones of two regions',
      { ...NEW, availabilityZones: ['eu-central-1a', 'eu-west-1a'] },
      'availabilityZones must be two zones of one region',
    ],
    [
      'addresses that there are not',
      { ...NEW, vpcCidr: '10.256.0.0/24' },
      'vpcCidr must be a private block of 256 addresses, such as 10.0.0.0/24',
    ],
    [
      'a block that begins elsewhere',
      { ...NEW, clientCidrs: ['10.1.2.3/16'] },
      'clientCidrs.0 must be a block of addresses such as 10.1.2.0/24, at most a /8, by its first address',
    ],
    ['nobody who may call', { ...NEW, access: 'private', callerCidrs: [] }, 'callerCidrs must not be empty'],
    ...[
      KEY.slice(0, -1),
      KEY.replace('kms', 's3'),
      KEY.replace('key/', 'alias/'),
      KEY.replace('-1:', ':'),
    ].map((kmsKeyArn): [string, File, string] => [
      `the key ${kmsKeyArn}`,
      { ...NEW, kmsKeyArn },
      'kmsKeyArn must be the full ARN of a KMS key',
    ]),
    [
      "a certificate's id",
      { ...NEW, domainName: 'a.example.com', certificateArn: '0a1b' },
      'certificateArn must be the full ARN of a certificate in ACM',
    ],
    ['a list of tags', { ...NEW, tags: ['databases'] }, 'tags must be names with texts'],
    [
      "a tag of AWS's",
      { ...NEW, tags: { 'aws:team': 'databases' } },
      'tags.aws:team must be named with up to 128 letters, digits and _ . : / = + - @, not aws:…',
    ],
    [
      "a tag of AWS's in upper case",
      { ...NEW, tags: { 'AWS:team': 'databases' } },
      'tags.AWS:team must be named with up to 128 letters, digits and _ . : / = + - @, not aws:…',
    ],
    [
      'tags that IAM takes for one',
      { ...NEW, tags: { Team: 'a', team: 'a' } },
      'tags must not differ by upper and lower case alone',
    ],
    [
      'more tags than AWS takes',
      { ...NEW, tags: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`t${at}`, 'a'])) },
      'tags must be at most 50',
    ],
    [
      'a tag that JavaScript would lose',
      { ...NEW, tags: JSON.parse('{"__proto__": "a"}') },
      'tags must not be named __proto__',
    ],
    [
      'more subnets than a function may have',
      { ...EXISTING, subnetIds: Array.from({ length: 17 }, (_, at) => `subnet-${10_000_000 + at}`) },
      'subnetIds must be at most 16, as Lambda allows',
    ],
    [
      'an exchange without a name',
      { ...NEW, controlExchange: '' },
      'controlExchange must be 1 to 127 characters of ASCII',
    ],
    [
      'one zone',
      { ...NEW, availabilityZones: ['eu-central-1a'] },
      'availabilityZones must be two zones of one region',
    ],
    [
      'a window without a day',
      { ...NEW, maintenanceWindow: '03:30' },
      'maintenanceWindow must be a day and a time in UTC, such as SUNDAY 03:30',
    ],
    [
      'public addresses',
      { ...NEW, vpcCidr: '8.8.8.0/24' },
      'vpcCidr must be a private block of 256 addresses, such as 10.0.0.0/24',
    ],
    [
      'RabbitMQ 3.13 without its limits',
      { ...NEW, brokerVersion: '3.13', brokerMaxQueues: 500 },
      'brokerMaxConnections is missing: RabbitMQ 3.13 has fixed limits, which infra/README.md says how to find',
    ],
    [
      'more connections than the maximum',
      { ...NEW, brokerMaxConnections: 301 },
      'brokerMaxConnections is more than Amazon MQ allows on mq.m7g.medium: at most 300',
    ],
    [
      'more queues than the maximum',
      { ...NEW, newBroker: 'cluster', brokerMaxQueues: 10_001 },
      'brokerMaxQueues is more than Amazon MQ allows on mq.m7g.large: at most 10000',
    ],
    ['no queues', { ...NEW, brokerMaxQueues: 0 }, 'brokerMaxQueues must be a number from 20 to 1000000'],
    [
      "a secret's name",
      { ...EXISTING, brokerSecretArn: 'trove' },
      'brokerSecretArn must be the full ARN of a secret, with the six characters that Secrets Manager adds',
    ],
    [
      'plaintext to the broker',
      { ...EXISTING, brokerEndpoint: 'amqp://host:5672' },
      'brokerEndpoint must be amqps://host:5671, as Amazon MQ shows it',
    ],
    [
      'credentials in the endpoint',
      { ...EXISTING, brokerEndpoint: 'amqps://u:hunter2@host:5671' },
      'brokerEndpoint must be amqps://host:5671, as Amazon MQ shows it',
    ],
    [
      'the same subnet twice',
      { ...EXISTING, subnetIds: ['subnet-0a1b2c3d', 'subnet-0a1b2c3d'] },
      'subnetIds names something more than once',
    ],
    [
      "route tables without S3's addresses",
      { ...EXISTING, routeTableIds: ['rtb-0123abcd'] },
      'routeTableIds needs s3PrefixListId',
    ],
    [
      'encryption without keys',
      { ...NEW, requireEncryption: true },
      'requireEncryption needs guestKeySecretPrefix',
    ],
    [
      'a prefix that others have',
      { ...NEW, guestKeySecretPrefix: 'trove' },
      "guestKeySecretPrefix must be the beginning of a secret's name, at least six characters",
    ],
    [
      'topics with spaces',
      { ...NEW, controlPlaneTopics: 'a, b' },
      'controlPlaneTopics must be topics (or exchange:topic), joined by commas',
    ],
    [
      'a grace longer than the wait',
      { ...NEW, noConsumerGraceSeconds: 5, rpcTimeoutSeconds: 2 },
      'noConsumerGraceSeconds must not be more than rpcTimeoutSeconds',
    ],
    [
      'an RPC that outlasts the function',
      { ...NEW, rpcTimeoutSeconds: 20 },
      'rpcTimeoutSeconds must be a number from 0.1 to 18',
    ],
    [
      'a number in words',
      { ...NEW, rpcTimeoutSeconds: 'soon' },
      'rpcTimeoutSeconds must be a number from 0.1 to 18',
    ],
    [
      'half a minute',
      { ...NEW, healthCheckRateMinutes: 2.5 },
      'healthCheckRateMinutes must be a whole number',
    ],
    [
      'pings that take all connections',
      { ...NEW, pingConcurrency: 150 },
      'pingConcurrency must be less than half of the 300 connections that the broker takes (see brokerMaxConnections)',
    ],
    [
      'a yes instead of true',
      { ...NEW, anyoneMayCallTheApi: 'yes' },
      'anyoneMayCallTheApi must be true or false',
    ],
    [
      'a private API without callers',
      { ...NEW, access: 'private' },
      'access private needs either callerCidrs, who may connect to the endpoint that is made, or apiEndpointId, one that is there',
    ],
    [
      'a name without a certificate',
      { ...NEW, domainName: 'ping.example.com' },
      'domainName needs certificateArn',
    ],
    [
      'callers of a private API for a public one',
      { ...NEW, callerCidrs: ['10.1.2.0/24'] },
      'callerCidrs needs "access": "private"',
    ],
    [
      'a Keystone in the clear',
      { ...NEW, ...BY_CIDR, keystoneUrl: 'http://k/v3' },
      'keystoneUrl must be https://…/v3',
    ],
    [
      'a port that there is not',
      { ...NEW, ...BY_CIDR, keystoneUrl: 'https://k:77777/v3' },
      'keystoneUrl must be https://…/v3',
    ],
    [
      'a login in its URL',
      { ...NEW, ...BY_CIDR, keystoneUrl: 'https://u:p@k/v3' },
      'keystoneUrl must be https://…/v3',
    ],
    [
      'Keystone and anyone',
      { ...NEW, ...BY_CIDR, anyoneMayCallTheApi: true },
      'keystoneUrl and anyoneMayCallTheApi exclude each other',
    ],
    [
      'no way to Keystone',
      { ...NEW, keystoneUrl: BY_CIDR.keystoneUrl },
      `keystoneUrl needs either keystoneCidr or keystoneSecurityGroupId: ${way}`,
    ],
    [
      'two ways',
      { ...NEW, ...BY_CIDR, keystoneSecurityGroupId: 'sg-0123abcd' },
      `keystoneUrl needs either keystoneCidr or keystoneSecurityGroupId: ${way}`,
    ],
    [
      'a way to everywhere',
      { ...NEW, ...BY_CIDR, keystoneCidr: '0.0.0.0/0' },
      'keystoneCidr must be a block of addresses such as 10.1.2.0/24, at most a /8',
    ],
    ['a way without Keystone', { ...NEW, keystoneCidr: '10.1.2.0/24' }, 'keystoneCidr needs keystoneUrl'],
    [
      'roles without names',
      { ...NEW, ...BY_CIDR, keystoneAdminRoles: ',' },
      'keystoneAdminRoles must be names of roles, joined by commas',
    ],
    [
      'certificates that are not there',
      { ...NEW, ...BY_CIDR, caCertificates: '/nowhere.pem' },
      'caCertificates names /nowhere.pem, which cannot be read: ENOENT',
    ],
    [
      'a Trove in the clear',
      { ...NEW, ...TROVE, troveUrl: 'http://trove/v1.0' },
      'troveUrl must be https://…/v1.0',
    ],
    [
      'a Trove without credential',
      { ...NEW, ...without('troveSecretArn', TROVE) },
      'troveUrl needs troveSecretArn',
    ],
    [
      'a Trove without a way to it',
      { ...NEW, ...without('troveCidr', TROVE) },
      `troveUrl needs either troveCidr or troveSecurityGroupId: ${way}`,
    ],
    [
      'a Trove without Keystone',
      { ...NEW, troveUrl: TROVE.troveUrl, troveCidr: '10.1.2.0/24', troveSecretArn: TROVE.troveSecretArn },
      'troveUrl needs keystoneUrl',
    ],
  ])('%s', (_what, settings, sentence) => {
    expect(() => readSettings('trove', settings)).toThrow(new InvalidSettings([`trove.json: ${sentence}.`]));
  });

  test("a name that is no stack's", () => {
    const sentence = 'its name must be at most 51 letters, digits and hyphens, the first a letter';
    expect(() => readSettings('trove.eu', NEW)).toThrow(new InvalidSettings([`trove.eu.json: ${sentence}.`]));
  });

  test.each([
    ['CERTIFICATE', 'is not a PEM file of certificates'],
    ['PRIVATE KEY', 'has a private key in it'],
  ])('certificates in a file with a false %s', (label, what) => {
    writeFileSync(path('ca.pem'), `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`);
    const settings = { ...NEW, ...BY_CIDR, caCertificates: path('ca.pem') };
    const sentence = `trove.json: caCertificates names ${path('ca.pem')}, which ${what}.`;
    expect(() => readSettings('trove', settings)).toThrow(new InvalidSettings([sentence]));
  });
});

describe('defaults', () => {
  test("RabbitMQ 4.2, an API with IAM authorization, the control plane's two topics", () => {
    expect(readSettings('trove', NEW)).toMatchObject({
      name: 'trove',
      brokerVersion: '4.2',
      anyoneMayCallTheApi: false,
      controlPlaneTopics: 'taskmanager,trove-conductor',
    });
  });

  test.each<[File, number, number]>([
    [NEW, 300, 30],
    [{ ...NEW, brokerMaxConnections: 100 }, 100, 10],
    [{ ...NEW, brokerInstanceType: 'mq.m7g.large' }, 1500, 50],
    [{ ...NEW, newBroker: 'cluster' }, 1000, 50],
    [
      { ...NEW, newBroker: 'cluster', brokerInstanceType: 'mq.m7g.medium', brokerMaxConnections: 100 },
      200,
      20,
    ],
    [EXISTING, 100, 10],
    [{ ...NEW, brokerVersion: '3.13', brokerMaxConnections: 5000, brokerMaxQueues: 20_000 }, 5000, 50],
  ])(
    'with %j, a broker takes %i connections, of which pings get %i: a tenth, at most 50',
    (settings, maxConnections, pingConcurrency) => {
      expect(readSettings('trove', settings)).toMatchObject({ maxConnections, pingConcurrency });
    },
  );
});

test('the schema for editors is made of the settings, and takes the examples', () => {
  const schema = JSON.parse(readFileSync(join(FOLDER, 'settings', 'deployment.schema.json'), 'utf8'));
  expect(schema).toEqual(
    JSON.parse(JSON.stringify(toJsonSchema(DEPLOYMENT, { errorMode: 'ignore', typeMode: 'input' }))),
  );
  const validate = new ajv.Ajv({ strict: false }).compile({ ...schema, $schema: undefined });
  const example = (name: string) =>
    JSON.parse(readFileSync(join(FOLDER, 'deployments', 'examples', `${name}.json`), 'utf8'));
  for (const name of ['existing-broker', 'new-broker'])
    expect([name, validate(example(name))]).toEqual([name, true]);
  expect(validate({ ...example('new-broker'), brokerName: 'trove eu' })).toBe(false);
});

describe('the files', () => {
  const made = { newBroker: 'single-instance', brokerName: 'guest-rpc-ping', vpcCidr: '10.0.0.0/24' };
  const read = (isCi = false) => readDeployments(folder, { isCi });

  test('without any file there is one sentence, and no broker', () => {
    expect(read).toThrow(
      new InvalidSettings([
        `There is no deployment: copy one of infra/deployments/examples to ${folder}/<name>.json.`,
      ]),
    );
  });

  test('the mark that some editors put first is no fault', () => {
    writeFileSync(path('a.json'), `\uFEFF${JSON.stringify(EXISTING)}`);
    expect(read().map(({ name }) => name)).toEqual(['a']);
  });

  test('a setting that is given twice is refused, whatever JSON would take', () => {
    const text = JSON.stringify({ ...EXISTING, tags: { a: 'a : b', b: 'a' } });
    writeFileSync(path('a.json'), text);
    expect(read().map(({ name }) => name)).toEqual(['a']);
    writeFileSync(path('a.json'), text.replace('"b":', '"a" :'));
    expect(read).toThrow(new InvalidSettings(['a.json says "a" twice.']));
  });

  test('all that is wrong in all files is told at once', () => {
    write('a.json', { ...NEW, brokerName: 'x y', rpcTimeoutSeconds: 20 });
    writeFileSync(path('b.json'), '{');
    expect(read).toThrow(
      /^a\.json: rpcTimeoutSeconds must.*\na\.json: brokerName must.*\nb\.json is not JSON: .*\.$/,
    );
  });

  test('what cannot be read, and stacks of one name, are told in a sentence each', () => {
    write('a.json', NEW);
    write('a-broker.json', EXISTING);
    writeFileSync(path('a.lock.json'), '<<<<<<< ours\n');
    mkdirSync(path('c.json'));
    writeFileSync(path('d.json'), '[]');
    const missing = [/^a\.lock\.json is not JSON: .*\.$/, /^c\.json cannot be read: EISDIR\.$/];
    const told = () => {
      try {
        return read();
      } catch (error) {
        return error instanceof InvalidSettings ? error.message.split('\n') : error;
      }
    };
    expect(told()).toEqual(expect.arrayContaining(missing.map((one) => expect.stringMatching(one))));
    expect(told()).toContain('d.json is no JSON object.');
    write('a.lock.json', made);
    rmSync(path('c.json'), { recursive: true });
    rmSync(path('d.json'));
    expect(told()).toEqual(['Two stacks would be called a-broker: rename a file, or set brokerStack.']);
  });

  test('what makes the broker is kept beside the settings, and holds from then on', () => {
    const told = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    write('trove.json', NEW);
    expect(read()).toMatchObject([{ name: 'trove' }]);
    expect(told.mock.calls).toEqual([[`${path('trove.lock.json')} keeps what makes the broker: commit it.`]]);
    told.mockRestore();
    expect(JSON.parse(readFileSync(path('trove.lock.json'), 'utf8'))).toEqual(made);
    write('trove.json', {
      ...NEW,
      brokerInstanceType: 'mq.m7g.large',
      brokerVersion: '4.3',
      alarmEmail: 'a@b',
    });
    expect(read(true)).toHaveLength(1);
  });

  test.each<[File, string]>([
    [{ ...NEW, newBroker: 'cluster' }, 'newBroker was "single-instance"'],
    [{ ...NEW, brokerName: 'another' }, 'brokerName was "guest-rpc-ping"'],
    [{ ...NEW, vpcCidr: '10.1.0.0/24' }, 'vpcCidr was "10.0.0.0/24"'],
    [{ ...NEW, brokerKmsKeyArn: KEY }, 'brokerKmsKeyArn was not set'],
    [{ ...NEW, availabilityZones: ['eu-central-1a', 'eu-central-1b'] }, 'availabilityZones was not set'],
    [{ ...NEW, brokerStack: 'Another' }, 'brokerStack was not set'],
  ])('%j is refused, since it would replace the broker', (settings, sentence) => {
    write('trove.lock.json', made);
    write('trove.json', settings);
    expect(read).toThrow(
      new InvalidSettings([
        `trove.json: ${sentence} when trove.lock.json was written, and a change of it would replace a broker that is deployed: set it back, or see infra/README.md, Replace or remove a broker.`,
      ]),
    );
  });

  test.each<[string, File | undefined, RegExp]>([
    [
      'lost settings',
      undefined,
      /^trove\.json is gone, but trove\.lock\.json says that it made a broker: bring the file back, or see/,
    ],
    [
      'an existing broker in place of the new one',
      EXISTING,
      /^trove\.json: newBroker is gone, but trove\.lock\.json says that it made a broker/,
    ],
  ])('%s are refused', (_what, settings, sentence) => {
    write('trove.lock.json', made);
    if (settings) write('trove.json', settings);
    expect(read).toThrow(sentence);
  });

  test('CI, whose files nobody commits, refuses a new broker whose settings were not kept', () => {
    write('trove.json', NEW);
    expect(() => read(true)).toThrow(
      /^trove\.lock\.json is missing: run `npx cdk synth`, and commit the file/,
    );
  });

  function write(file: string, json: File): void {
    writeFileSync(path(file), JSON.stringify(json));
  }
});

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'guest-rpc-ping-settings-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function path(file: string): string {
  return join(folder, file);
}
