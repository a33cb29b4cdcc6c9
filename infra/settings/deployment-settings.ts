import * as v from 'valibot';
import { type BrokerModel, highestLimits, INSTANCE_TYPES, limitsOf } from '../broker/broker-limits.ts';
import { readCaCertificates } from './ca-certificates.ts';
import { InvalidSettings } from './invalid-settings.ts';

// What a deployment's file, `infra/deployments/<name>.json`, may say. `deployment.schema.json` is made of this.

const text = (pattern: RegExp, kind: string) =>
  v.pipe(v.string(`must be ${kind}`), v.regex(pattern, `must be ${kind}`));

const list = (pattern: RegExp, kind: string) => listOf(text(pattern, kind), kind);

const listOf = <T extends v.GenericSchema<string>>(item: T, kind: string) =>
  v.pipe(
    v.array(item, `must be a list, each item ${kind}`),
    v.check((items) => new Set(items).size === items.length, 'names something more than once'),
  );

const choice = <const T extends readonly string[]>(choices: T) =>
  v.picklist(choices, `must be ${choices.map((choice) => JSON.stringify(choice)).join(' or ')}`);

function number(from: number, to: number) {
  const message = `must be a number from ${from} to ${to}`;
  return v.pipe(v.number(message), v.minValue(from, message), v.maxValue(to, message));
}

const integer = (from: number, to: number) => v.pipe(number(from, to), v.integer('must be a whole number'));
const flag = v.optional(v.boolean('must be true or false'), false);
const about = <T extends v.GenericSchema>(schema: T, description: string) =>
  v.pipe(schema, v.description(description));

const REGION = '[a-z]{2,4}(-[a-z]+)+-\\d';
/** @param resource a pattern of what ends the ARN */
const arn = (service: string, resource: string, kind: string) =>
  text(new RegExp(`^arn:aws(-[a-z]+)*:${service}:${REGION}:\\d{12}:${resource}$`), kind);
const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const secretArn = arn(
  'secretsmanager',
  'secret:[\\w/+=.@-]+-\\w{6}',
  'the full ARN of a secret, with the six characters that Secrets Manager adds',
);
const kmsKeyArn = arn('kms', `key/(${UUID}|mrk-[0-9a-f]{32})`, 'the full ARN of a KMS key');
const OCTET = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)';
/** No wider than /8, so that nobody lets a function out to everywhere. */
const CIDR = new RegExp(`^(${OCTET}\\.){3}${OCTET}/(8|9|[12]\\d|3[0-2])$`);
const CIDR_KIND = 'a block of addresses such as 10.1.2.0/24, at most a /8';
const cidr = v.pipe(
  text(CIDR, CIDR_KIND),
  v.check(beginsWithItsFirst, `must be ${CIDR_KIND}, by its first address`),
);
const cidrs = listOf(cidr, CIDR_KIND);
const SECURITY_GROUP_ID = /^sg-[0-9a-f]{8,17}$/;
const SECURITY_GROUP_KIND = "a security group's id, sg-…";
const securityGroupId = text(SECURITY_GROUP_ID, SECURITY_GROUP_KIND);
const certificates = v.pipe(
  v.string('must be the path of a PEM file'),
  v.rawCheck(({ dataset, addIssue }) => {
    const { problem } = dataset.typed ? readCaCertificates(dataset.value) : {};
    if (problem !== undefined) addIssue({ message: problem });
  }),
);
const TWO_ZONES = 'must be two zones of one region';
const sweeps = (byDefault: number) => v.optional(integer(1, 1000), byDefault);
/** From which alarms and `pingConcurrency` are computed. */
const capacity = integer(20, 1_000_000);
/** @param version of the API, with which the URL ends */
const openStackUrl = (version: string) =>
  v.pipe(
    text(
      new RegExp(`^https://[\\w.-]+(:\\d+)?(/[\\w.-]+)*/${version.replace('.', '\\.')}$`),
      `https://…/${version}`,
    ),
    v.check((url) => URL.canParse(url), `must be https://…/${version}`),
  );
/** Of AMQP, which has no more than 127 characters. */
const amqpName = text(/^[ -~]{1,127}$/, '1 to 127 characters of ASCII');
const MIB = 1024 ** 2;

/** Lambda ends a ping after 20 s, and the function keeps half a second of that for the answer. */
const rpcSeconds = number(0.1, 18);

/** What CloudWatch Logs takes. */
const RETENTION_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653];

/** The options of the functions. Their comments are what users of the npm package read. */
const COMMON = {
  /** By default `/`. */
  brokerVhost: v.optional(amqpName, '/'),
  /** Trove's `control_exchange`. By default `trove`. */
  controlExchange: v.optional(amqpName, 'trove'),
  /** The wait for the guest's answer, at most 18. By default 15. */
  rpcTimeoutSeconds: v.optional(rpcSeconds, 15),
  /** The wait when nobody consumes the guest's queue. By default 0.25. */
  noConsumerGraceSeconds: v.optional(rpcSeconds, 0.25),
  /** The secrets `<prefix><instance id>` hold the guests' RPC keys. By default all guests are in the clear. */
  guestKeySecretPrefix: v.optional(
    text(/^[\w/+=.@-]{6,}$/, "the beginning of a secret's name, at least six characters"),
  ),
  /** Whether a guest whose key is known must answer encrypted. By default not. */
  requireEncryption: flag,
  /** The customer managed key that encrypts these secrets. By default that of the broker's secret, if it has one. */
  secretsKmsKeyArn: v.optional(kmsKeyArn),
  /** Who can reach the API: the internet, or what comes through a VPC endpoint. By default the internet. */
  access: v.optional(choice(['public', 'private']), 'public'),
  /** The VPC endpoint of `execute-api` through which a private API is called. By default the stack makes one. */
  apiEndpointId: v.optional(text(/^vpce-[0-9a-f]{8,17}$/, "a VPC endpoint's id, vpce-…")),
  /** Blocks of addresses that may connect to the endpoint that is made. */
  callerCidrs: v.optional(v.pipe(cidrs, v.minLength(1, 'must not be empty'))),
  /** A name of your own for a public API. By default API Gateway's. */
  domainName: v.optional(text(/^([a-z0-9-]+\.)+[a-z]{2,}$/, 'a name such as ping.example.com')),
  /** Of the certificate of `domainName` in ACM. */
  certificateArn: v.optional(arn('acm', `certificate/${UUID}`, 'the full ARN of a certificate in ACM')),
  /** Whether whoever finds the URL may ping. By default callers sign (IAM). */
  anyoneMayCallTheApi: flag,
  /** Keystone's v3 API, `https://…/v3`, whose admins may call. By default callers sign (IAM). */
  keystoneUrl: v.optional(openStackUrl('v3')),
  /** The block of addresses where Keystone is; this or the security group is needed with `keystoneUrl`. */
  keystoneCidr: v.optional(cidr),
  /** The security group of Keystone. */
  keystoneSecurityGroupId: v.optional(securityGroupId),
  /** Roles that count as admin, joined by commas. By default `admin`. */
  keystoneAdminRoles: v.optional(
    text(/^[^,\s][^,]*(,\s*[^,\s][^,]*)*$/, 'names of roles, joined by commas'),
    'admin',
  ),
  /** A PEM file of the CA that signs the certificates of Keystone and Trove. By default the CAs that Node trusts. */
  caCertificates: v.optional(certificates),
  /** Trove's API, `https://…/v1.0`, whose list says which guests should answer. By default Trove is not asked. */
  troveUrl: v.optional(openStackUrl('v1.0')),
  /** The block of addresses where Trove's API is; this or the security group is needed with `troveUrl`. */
  troveCidr: v.optional(cidr),
  /** The security group of Trove's API. */
  troveSecurityGroupId: v.optional(securityGroupId),
  /** The secret `{"id", "secret"}` of an admin's application credential; needed with `troveUrl`. */
  troveSecretArn: v.optional(secretArn),
  /** How long a guest may keep silent where Trove expects that. By default 60. */
  expectedSilenceMinutes: v.optional(integer(1, 10_080), 60),
  /** Topics of the control plane that each sweep pings, joined by commas. By default `taskmanager,trove-conductor`. */
  controlPlaneTopics: v.optional(
    text(
      /^(([\w.-]{1,127}:)?[\w.-]{1,127}(,([\w.-]{1,127}:)?[\w.-]{1,127})*)?$/,
      'topics (or exchange:topic), joined by commas',
    ),
    'taskmanager,trove-conductor',
  ),
  /** From one sweep to the next, 2 to 60. By default 5. */
  healthCheckRateMinutes: v.optional(integer(2, 60), 5),
  /** By default 1024. */
  healthCheckMemoryMb: v.optional(integer(256, 10_240), 1024),
  /** How many sweeps in a row must find a guest unreachable. By default 2. */
  unreachableAfterSweeps: sweeps(2),
  /** How many sweeps in a row must reach an unreachable guest. By default 1. */
  reachableAfterSweeps: sweeps(1),
  /** When an unreachable guest counts as abandoned. By default 168. */
  abandonedAfterHours: v.optional(integer(1, 8760), 168),
  /** How often what is still unreachable is told again. By default 24. */
  remindAfterHours: v.optional(integer(0, 8760), 24),
  /** From how many unreachable guests on the alarm `GuestsUnreachable` rings. By default 1. */
  unreachableGuests: v.optional(integer(1, 100_000), 1),
  /** Gets the alarms and the changes by mail, once its owner has confirmed. By default nobody. */
  alarmEmail: v.optional(text(/^[!-?A-~]+@[!-?A-~]+$/, 'an e-mail address')),
};

const FILE = {
  ...COMMON,
  logRetentionDays: v.optional(v.picklist(RETENTION_DAYS, `must be one of ${RETENTION_DAYS.join(', ')}`), 30),
  tags: v.optional(
    v.record(
      text(
        /^(?![aA][wW][sS]:)[\w .:/=+@-]{1,128}$/,
        'named with up to 128 letters, digits and _ . : / = + - @, not aws:…',
      ),
      text(/^[\w .:/=+@-]{0,256}$/, 'up to 256 letters, digits and _ . : / = + - @'),
      'must be names with texts',
    ),
    {},
  ),
  $schema: v.optional(v.string()),
  kmsKeyArn: v.optional(kmsKeyArn),
  pingConcurrency: v.optional(integer(1, 1000)),
  s3PrefixListId: v.optional(text(/^pl-[0-9a-f]{8,17}$/, "a prefix list's id, pl-…")),
};

/** What both kinds of deployment, and the construct, may say of the functions. */
export const OPTIONS = v.object(COMMON);
export type Options = { readonly [K in keyof typeof COMMON]?: v.InferInput<(typeof COMMON)[K]> };
export type ParsedOptions = v.InferOutput<typeof OPTIONS>;

const ofNewBroker = v.strictObject(
  {
    ...FILE,
    newBroker: about(
      choice(['single-instance', 'cluster']),
      'cluster: three nodes in several zones, for production, by default on mq.m7g.large. single-instance: to try it out, by default on mq.m7g.medium; a cluster cannot be made of it later.',
    ),
    brokerName: text(/^[A-Za-z0-9_-]{1,50}$/, '1 to 50 letters, digits and - _'), // CloudFormation's rule
    brokerInstanceType: v.optional(
      about(
        choice(INSTANCE_TYPES),
        'mq.m7g.large or more for production, mq.m7g.medium to try it out; can be changed later.',
      ),
    ),
    // Not 4.3: Amazon MQ's refuses queues that are neither durable nor exclusive, such as oslo.messaging's are by default.
    brokerVersion: v.optional(choice(['3.13', '4.2', '4.3']), '4.2'),
    brokerSecretArn: v.optional(secretArn),
    brokerUserRevision: v.optional(integer(1, 1000), 1),
    troveUser: flag,
    clientCidrs: v.optional(cidrs, []),
    clientSecurityGroupIds: v.optional(list(SECURITY_GROUP_ID, SECURITY_GROUP_KIND), []),
    brokerKmsKeyArn: v.optional(kmsKeyArn),
    brokerStack: v.optional(text(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, "a stack's name")),
    maintenanceWindow: v.optional(
      text(
        /^(MON|TUES|WEDNES|THURS|FRI|SATUR|SUN)DAY ([01]\d|2[0-3]):[0-5]\d$/,
        'a day and a time in UTC, such as SUNDAY 03:30',
      ),
    ),
    availabilityZones: v.optional(
      v.pipe(
        list(new RegExp(`^${REGION}[a-z]$`), 'a zone such as eu-central-1a'),
        v.length(2, TWO_ZONES),
        v.check(([one = '', other = '']) => one.slice(0, -1) === other.slice(0, -1), TWO_ZONES),
      ),
    ),
    vpcCidr: text(
      new RegExp(`^(10\\.${OCTET}|172\\.(1[6-9]|2\\d|3[01])|192\\.168)\\.${OCTET}\\.0/24$`),
      'a private block of 256 addresses, such as 10.0.0.0/24',
    ),
    describeBroker: flag,
    brokerMaxConnections: v.optional(capacity),
    brokerMaxQueues: v.optional(capacity),
    brokerMaxMessageBytes: v.optional(integer(MIB, 16 * MIB), 4 * MIB),
  },
  misfit('with a new broker'),
);

const ofExistingBroker = v.strictObject(
  {
    ...FILE,
    brokerName: text(/^[A-Za-z0-9._~-]{1,50}$/, '1 to 50 letters, digits and - . _ ~'), // Amazon MQ's rule
    brokerId: v.optional(text(new RegExp(`^b-${UUID}$`), "a broker's id, b-…")),
    brokerEndpoint: v.optional(text(/^amqps:\/\/[\w.-]+:5671$/, 'amqps://host:5671, as Amazon MQ shows it')),
    brokerSecretArn: secretArn,
    brokerMaxConnections: capacity,
    brokerMaxQueues: capacity,
    vpcId: text(/^vpc-[0-9a-f]{8,17}$/, "a VPC's id, vpc-…"),
    subnetIds: v.pipe(
      list(/^subnet-[0-9a-f]{8,17}$/, "a subnet's id, subnet-…"),
      v.minLength(1, 'must not be empty'),
      v.maxLength(16, 'must be at most 16, as Lambda allows'),
    ),
    brokerSecurityGroupId: securityGroupId,
    routeTableIds: v.optional(list(/^rtb-[0-9a-f]{8,17}$/, "a route table's id, rtb-…")),
  },
  misfit('beside an existing broker'),
);

/** What a file may be: one of the two. */
export const DEPLOYMENT = v.union([ofNewBroker, ofExistingBroker]);

export const SETTINGS = new Set(DEPLOYMENT.options.flatMap(({ entries }) => Object.keys(entries)));

/** What is computed where a file does not say it. */
interface Derived {
  /** The stack's name, in the names of functions and alarms, and the namespace of the metrics. */
  readonly name: string;
  /** How many connections the broker takes, on all nodes together. */
  readonly maxConnections: number;
  readonly maxQueues: number;
  /** How many pings may run at once; each holds one connection to the broker. */
  readonly pingConcurrency: number;
}

export type NewBrokerSettings = v.InferOutput<typeof ofNewBroker> & Derived;
export type ExistingBrokerSettings = v.InferOutput<typeof ofExistingBroker> & Derived;

export type Settings = NewBrokerSettings | ExistingBrokerSettings;

export function brokerStackOf({ name, brokerStack }: NewBrokerSettings): string {
  return brokerStack ?? `${name}-broker`;
}

/** Settings that make sense beside another one alone. */
const NEEDS = {
  domainName: 'certificateArn',
  certificateArn: 'domainName',
  keystoneCidr: 'keystoneUrl',
  keystoneSecurityGroupId: 'keystoneUrl',
  keystoneAdminRoles: 'keystoneUrl',
  caCertificates: 'keystoneUrl',
  troveUrl: 'keystoneUrl',
  troveCidr: 'troveUrl',
  troveSecurityGroupId: 'troveUrl',
  troveSecretArn: 'troveUrl',
  expectedSilenceMinutes: 'troveUrl',
  requireEncryption: 'guestKeySecretPrefix',
  routeTableIds: 's3PrefixListId',
} as const;

/** By default pings get this share of the broker's connections, up to this number: the rest is for guests and Trove. */
const PING_SHARE = 0.1;
const MAX_PING_CONCURRENCY = 50;

type Given = Readonly<Record<string, unknown>>;

const NAME = /^[A-Za-z][A-Za-z0-9-]{0,50}$/;

/**
 * @param name of the file, without `.json`
 * @param file what it says
 * @throws InvalidSettings, which tells all that is wrong
 */
export function readSettings(name: string, file: unknown): Settings {
  const given: Given = Object(file);
  const parsed = 'newBroker' in given ? v.safeParse(ofNewBroker, file) : v.safeParse(ofExistingBroker, file);
  const problems = [
    ...(NAME.test(name)
      ? []
      : ['its name must be at most 51 letters, digits and hyphens, the first a letter']),
    ...wrong(parsed.issues),
    ...contradictions(given),
  ];
  if (!parsed.success || problems.length > 0)
    throw new InvalidSettings(problems.map((problem) => `${name}.json: ${problem}.`));
  return { ...parsed.output, name, ...capacityOf(given), pingConcurrency: pingConcurrencyOf(given) };
}

/**
 * Reads the options of a construct, among other properties. A text that CDK knows later, of another resource of the
 * application, is taken as it is.
 *
 * @throws InvalidSettings, which tells all that is wrong
 */
export function readOptions(props: Options): ParsedOptions {
  const defaults: Given = v.getDefaults(OPTIONS);
  const given = Object.entries(props).filter(([name, value]) => name in COMMON && value !== defaults[name]);
  const later = given.filter(([, value]) => /^\$\{Token\[/.test(String(value)));
  const parsed = v.safeParse(OPTIONS, Object.fromEntries(given.filter((entry) => !later.includes(entry))));
  const problems = [...wrong(parsed.issues), ...contradictionsOfOptions(Object.fromEntries(given))];
  if (!parsed.success || problems.length > 0) throw new InvalidSettings(problems.map((one) => `${one}.`));
  return { ...parsed.output, ...Object.fromEntries(later) };
}

function wrong(issues: readonly v.BaseIssue<unknown>[] = []): string[] {
  return issues.map((issue) => `${v.getDotPath(issue) ?? 'it'} ${issue.message}`);
}

export function modelOf(given: Given): BrokerModel {
  const isCluster = given['newBroker'] === 'cluster';
  return {
    isCluster,
    instanceType:
      INSTANCE_TYPES.find((type) => type === given['brokerInstanceType']) ??
      (isCluster ? 'mq.m7g.large' : 'mq.m7g.medium'),
    maxConnections: numberOf(given, 'brokerMaxConnections'),
    maxQueues: numberOf(given, 'brokerMaxQueues'),
  };
}

/** What contradicts, in a file whose settings may be wrong in themselves as well. */
function contradictions(given: Given): string[] {
  const isNew = 'newBroker' in given;
  const { maxConnections } = capacityOf(given);
  const model = modelOf(given);
  const { connections, queues } = highestLimits(model);
  const wrongLimit = (name: string, most: number) => {
    if (given['brokerVersion'] === '3.13')
      return (
        !(name in given) &&
        `${name} is missing: RabbitMQ 3.13 has fixed limits, which infra/README.md says how to find`
      );
    return (
      (numberOf(given, name) ?? 0) > most &&
      `${name} is more than Amazon MQ allows on ${model.instanceType}: at most ${most}`
    );
  };
  return [
    !isNew &&
      !('brokerId' in given) &&
      !('brokerEndpoint' in given) &&
      'there is no broker: newBroker makes one, brokerEndpoint or brokerId names one that exists',
    ...wrongTags(given['tags']),
    ...contradictionsOfOptions(given),
    isNew && wrongLimit('brokerMaxConnections', connections),
    isNew && wrongLimit('brokerMaxQueues', queues),
    2 * pingConcurrencyOf(given) >= maxConnections &&
      `pingConcurrency must be less than half of the ${maxConnections} connections that the broker takes (see brokerMaxConnections)`,
  ].filter((problem) => typeof problem === 'string');
}

/** What AWS refuses of tags that are well in themselves, and what a schema cannot see. */
function wrongTags(tags: unknown) {
  const names = Object.keys(Object(tags));
  const inLowerCase = names.map((name) => name.toLowerCase());
  return [
    Array.isArray(tags) && 'tags must be names with texts', // a list has names, too: 0, 1, …
    names.length > 50 && 'tags must be at most 50',
    new Set(inLowerCase).size < names.length && 'tags must not differ by upper and lower case alone',
    ...['__proto__', 'prototype', 'constructor'].map(
      (name) => names.includes(name) && `tags must not be named ${name}`,
    ),
  ];
}

/** Those of what both kinds of deployment may say. */
function contradictionsOfOptions(given: Given): string[] {
  const has = (name: string) => given[name] !== undefined;
  const isPrivate = given['access'] === 'private';
  const way = (api: 'keystone' | 'trove') =>
    has(`${api}Url`) &&
    has(`${api}Cidr`) === has(`${api}SecurityGroupId`) &&
    `${api}Url needs either ${api}Cidr or ${api}SecurityGroupId: where it is reached from the VPC`;
  return [
    ...Object.entries(NEEDS).map(
      ([name, needed]) => given[name] && !has(needed) && `${name} needs ${needed}`,
    ),
    ...['apiEndpointId', 'callerCidrs'].map(
      (name) => has(name) && !isPrivate && `${name} needs "access": "private"`,
    ),
    isPrivate && has('domainName') && 'domainName is for a public API',
    isPrivate &&
      has('apiEndpointId') === has('callerCidrs') &&
      'access private needs either callerCidrs, who may connect to the endpoint that is made, or apiEndpointId, one that is there',
    has('keystoneUrl') &&
      given['anyoneMayCallTheApi'] === true &&
      'keystoneUrl and anyoneMayCallTheApi exclude each other',
    way('keystone'),
    way('trove'),
    has('troveUrl') && !has('troveSecretArn') && 'troveUrl needs troveSecretArn',
    (numberOf(given, 'noConsumerGraceSeconds') ?? 0.25) > (numberOf(given, 'rpcTimeoutSeconds') ?? 15) &&
      'noConsumerGraceSeconds must not be more than rpcTimeoutSeconds',
  ].filter((problem) => typeof problem === 'string');
}

function numberOf(given: Given, name: string): number | undefined {
  return typeof given[name] === 'number' ? given[name] : undefined;
}

/** How many connections and queues the broker takes. */
function capacityOf(given: Given) {
  const model = modelOf(given);
  if ('newBroker' in given && given['brokerVersion'] !== '3.13') {
    const { connectionsInAll: maxConnections, queues: maxQueues } = limitsOf(model);
    return { maxConnections, maxQueues };
  }
  const { maxConnections = Number.POSITIVE_INFINITY, maxQueues = 0 } = model;
  return { maxConnections, maxQueues };
}

function pingConcurrencyOf(given: Given): number {
  const share = Math.floor(capacityOf(given).maxConnections * PING_SHARE);
  return numberOf(given, 'pingConcurrency') ?? Math.min(MAX_PING_CONCURRENCY, share);
}

/** Amazon EC2 sets all bits that do not count to 0: two blocks that then are the same are one rule, which it refuses twice. */
function beginsWithItsFirst(block: string): boolean {
  const [address = '', bits] = block.split('/');
  const number = address.split('.').reduce((sum, octet) => 256 * sum + Number(octet), 0);
  return number % 2 ** (32 - Number(bits)) === 0;
}

/** Why a file is not one of a kind: something is missing, or is not one of its settings. */
function misfit(kind: string) {
  return ({ expected }: v.StrictObjectIssue): string =>
    expected === 'never' ? `is not a setting of a deployment ${kind}` : 'is missing';
}
