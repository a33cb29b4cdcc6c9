import { Aws, Duration, RemovalPolicies, Stack } from 'aws-cdk-lib';
import { InterfaceVpcEndpoint, type ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { Api, Callers } from './api/api.ts';
import { PrivateApi } from './api/private-api.ts';
import { PublicApi } from './api/public-api.ts';
import { BrokerUsers } from './broker/broker-users.ts';
import { BUNDLES } from './bundle/bundles.ts';
import { ChangeNotices } from './changes/change-notices.ts';
import { StateBucket } from './changes/state-bucket.ts';
import { CONCURRENCY } from './compute/concurrency.ts';
import { brokerVariables, keystoneVariables, sweepVariables } from './compute/function-environment.ts';
import { StackFunction, type StackFunctionProps } from './compute/stack-function.ts';
import { scheduleSweeps, sweepTiming } from './compute/sweep-schedule.ts';
import type { GuestRpcPingProps } from './guest-rpc-ping-props.ts';
import { Alarms } from './monitoring/alarms.ts';
import { Dashboard } from './monitoring/dashboard.ts';
import { logGroupsOf } from './monitoring/log-retention.ts';
import { arnInPolicies, type BrokerAccess, type BrokerSecret } from './network/broker-access.ts';
import { Network } from './network/network.ts';
import { openStackAccess } from './network/openstack-access.ts';
import { S3Access, type S3Way } from './network/s3-access.ts';
import { type ParsedOptions, readOptions, SETTINGS } from './settings/deployment-settings.ts';
import { InvalidSettings } from './settings/invalid-settings.ts';

/** Later than the RPC's own deadline, and sooner than API Gateway's (29 s). */
const PING_TIMEOUT = Duration.seconds(20);

/** A ping waits more than it works. */
const PING_MEMORY_MB = 256;

const PING_CONCURRENCY = 10;

/** As CloudWatch Logs asks for; the topic's publishers need less. */
const USING_A_KEY = ['Encrypt*', 'Decrypt*', 'ReEncrypt*', 'GenerateDataKey*', 'Describe*'].map(
  (name) => `kms:${name}`,
);

/** What all functions have that talk to the broker. */
type Common = Pick<StackFunctionProps, 'bundles' | 'network' | 'environment'>;

type Groups = NonNullable<StackFunctionProps['securityGroups']>;

/** What is kept from sweep to sweep, who reads it, and the way to it. */
interface Fleet {
  readonly bucket: StateBucket;
  readonly toS3: S3Access;
  readonly notices: ChangeNotices;
  readonly page: StackFunction;
  readonly list: StackFunction;
}

/**
 * The functions, their API, alarms and dashboard, beside a broker. One for each stack, whose name is in their names.
 *
 * @throws InvalidSettings when an option is wrong, or contradicts another one
 */
export class GuestRpcPing extends Construct {
  readonly api: Api;
  readonly ping: StackFunction;
  readonly sweep: StackFunction;
  /** undefined: there is no way to S3. */
  readonly fleet: Fleet | undefined;
  /** They publish to `alarms.topic`. */
  readonly alarms: Alarms;
  readonly dashboard: Dashboard;
  /** undefined: the functions log in as a user that the broker has. */
  readonly users: BrokerUsers | undefined;
  /** Of the user as whom the functions log in. */
  readonly brokerSecret: BrokerSecret;
  readonly #props: GuestRpcPingProps;
  readonly #options: ParsedOptions;
  readonly #network: Network;
  readonly #bundles: string;

  constructor(scope: Construct, id: string, props: GuestRpcPingProps) {
    super(scope, id);
    checkProps(props);
    this.#props = props;
    this.#options = readOptions(props);
    this.#bundles = props.bundles ?? BUNDLES;
    this.#network = new Network(this, 'Network', props);
    this.users = this.#usersOf(props.broker);
    this.brokerSecret = this.users?.secret ?? secretOf(props.broker);

    const { healthCheckRateMinutes: rateMinutes } = this.#options;
    const { pingConcurrency = PING_CONCURRENCY } = props;
    const common = this.#openBroker();
    const network = this.#network;
    const toKeystone = openStackAccess(this, 'Keystone', network, this.#options);
    const toTrove = openStackAccess(this, 'Trove', network, this.#options);
    this.fleet = props.s3 && this.#keepFleet(props.s3, toKeystone);
    this.ping = this.#makePing(common, pingConcurrency, [network.securityGroup, toKeystone]);
    const toS3 = this.fleet?.toS3.securityGroup;
    this.sweep = this.#makeSweep(common, [network.securityGroup, toS3, toTrove && toKeystone, toTrove]);
    this.#makeUsers(common);
    this.fleet?.bucket.keepFor(this.sweep.function, this.#options);
    const schedule = new Construct(this, 'Sweep');
    scheduleSweeps(schedule, this.sweep.function, rateMinutes, this.fleet?.notices.destination);
    this.api = this.#makeApi(pingConcurrency);
    for (const caller of props.callers ?? []) this.api.grantInvoke(caller);
    [this.alarms, this.dashboard] = this.#watch();
    this.alarms.node.addDependency(schedule); // else `NoSweep` could ring while the stack is created
    if (props.key) this.#encryptWith(props.key);
    const applyToResourceTypes = ['AWS::Logs::LogGroup', 'AWS::S3::Bucket'];
    RemovalPolicies.of(this).retainOnUpdateOrDelete({ applyToResourceTypes });
  }

  /** The users of a new broker; undefined: the functions log in as an existing user. */
  #usersOf({ endpoint, secret, administrator }: BrokerAccess): BrokerUsers | undefined {
    if (secret !== undefined || administrator === undefined || endpoint === undefined) return undefined;
    const { key, brokerUserRevision: revision = 1, troveUser: trove = false } = this.#props;
    const props = { endpoint, administrator, options: this.#options, key, revision, trove };
    return new BrokerUsers(this, 'Users', props);
  }

  /** The ways to the broker and its secrets, and what all functions have that take them. */
  #openBroker(): Common {
    const { broker } = this.#props;
    const options = this.#options;
    const network = this.#network;
    const read = [...this.#pingSecrets, ...this.#troveSecrets, ...(this.users?.secretArns ?? [])];
    const secretsManagerUrl = network.openSecretsManager([...new Set(read)]);
    network.connect(broker.securityGroup, 5671, 'AMQP');
    network.connect(broker.securityGroup, 443, 'the management API');
    if (this.#describedBrokerArn) network.openAmazonMq(this.#describedBrokerArn);
    return {
      bundles: this.#bundles,
      network,
      environment: {
        ...brokerVariables(options, broker, this.brokerSecret.secretArn, secretsManagerUrl),
        METRICS_NAMESPACE: Stack.of(this).stackName,
      },
    };
  }

  /** undefined: the functions may not ask Amazon MQ about the broker. */
  get #describedBrokerArn(): string | undefined {
    const { id, name } = this.#props.broker;
    const { partition, region, account } = Stack.of(this);
    return id && `arn:${partition}:mq:${region}:${account}:broker:${name}:${id}`;
  }

  /** What a function may do that logs in to the broker: read secrets, and ask Amazon MQ about the broker. */
  #loggingIn(secretArns: readonly string[]): PolicyStatement[] {
    const { secretsKmsKeyArn } = this.#options;
    const keyArns = new Set([secretsKmsKeyArn, this.brokerSecret.encryptionKey?.keyArn]);
    const conditions = { StringEquals: { 'kms:ViaService': `secretsmanager.${Aws.REGION}.amazonaws.com` } };
    const wanted = [
      { actions: ['secretsmanager:GetSecretValue'], arns: secretArns },
      { actions: ['kms:Decrypt'], arns: [...keyArns], conditions },
      { actions: ['mq:DescribeBroker'], arns: [this.#describedBrokerArn] },
    ];
    return wanted.flatMap(({ arns, ...statement }) => {
      const resources = arns.filter((arn) => arn !== undefined);
      return resources.length > 0 ? [new PolicyStatement({ ...statement, resources })] : [];
    });
  }

  get #pingSecrets(): string[] {
    const { partition, region, account } = Stack.of(this);
    const { guestKeySecretPrefix: prefix } = this.#options;
    const keys = `arn:${partition}:secretsmanager:${region}:${account}:secret:${prefix}${UUID_AND_SUFFIX}`;
    return [arnInPolicies(this.brokerSecret), ...(prefix === undefined ? [] : [keys])];
  }

  /** Those that a sweep reads besides. */
  get #troveSecrets(): string[] {
    return this.#options.troveSecretArn === undefined ? [] : [this.#options.troveSecretArn];
  }

  #makePing(common: Common, concurrency: number, securityGroups: Groups): StackFunction {
    return new StackFunction(this, 'RpcPing', {
      ...common,
      name: 'rpc-ping',
      description: 'Pings one Trove guest agent',
      statements: this.#loggingIn(this.#pingSecrets),
      environment: { ...common.environment, ...keystoneVariables(this.#options) },
      securityGroups,
      caCertificates: this.#options.caCertificates,
      timeout: PING_TIMEOUT,
      memorySize: PING_MEMORY_MB,
      reservedConcurrentExecutions: concurrency,
    });
  }

  #makeSweep(common: Common, securityGroups: Groups): StackFunction {
    const { troveUrl, caCertificates, healthCheckRateMinutes, healthCheckMemoryMb } = this.#options;
    return new StackFunction(this, 'HealthCheck', {
      ...common,
      name: 'health-check',
      description: 'Pings all Trove guest agents',
      statements: this.#loggingIn([...this.#pingSecrets, ...this.#troveSecrets]),
      environment: { ...common.environment, ...sweepVariables(this.#options) },
      securityGroups,
      caCertificates: troveUrl && caCertificates,
      timeout: sweepTiming(healthCheckRateMinutes).timeout,
      memorySize: healthCheckMemoryMb,
      reservedConcurrentExecutions: CONCURRENCY.sweep,
    });
  }

  #makeApi(concurrency: number): Api {
    const { access, apiEndpointId, callerCidrs = [] } = this.#options;
    const [ping, list] = [this.ping.function, this.fleet?.list.function];
    const props = { ping, list, concurrency, callers: callersOf(this.#options) };
    if (access === 'public') return new PublicApi(this, 'Api', props, this.#options);
    const endpoint =
      apiEndpointId === undefined
        ? this.#network.openApis(callerCidrs)
        : InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(this, 'ApiEndpoint', {
            vpcEndpointId: apiEndpointId,
            port: 443,
          });
    return new PrivateApi(this, 'Api', props, endpoint);
  }

  /** Logs by this key, and lets those use it who write logs and publish to the topic. A key's own policy may do so already. */
  #encryptWith(key: IKey): void {
    for (const service of [`logs.${Stack.of(this).region}`, 'cloudwatch', 'events'])
      key.grant(new ServicePrincipal(`${service}.amazonaws.com`), ...USING_A_KEY);
    for (const log of logGroupsOf(this)) log.kmsKeyId = key.keyArn;
  }

  /** Makes the broker's users, before whatever logs in. */
  #makeUsers(common: Common): void {
    const user = this.users?.make(
      {
        ...common,
        statements: this.#loggingIn(this.users.secretArns),
        securityGroups: [this.#network.securityGroup, this.fleet?.toS3.securityGroup],
      },
      [this.#network, this.#props.broker.securityGroup, ...(this.fleet ? [this.fleet.toS3] : [])],
    );
    if (user) for (const { function: client } of [this.ping, this.sweep]) client.node.addDependency(user);
  }

  #keepFleet(s3: S3Way, toKeystone: ISecurityGroup | undefined): Fleet {
    const bucket = new StateBucket(this, 'State', this.#props.key);
    const toS3 = new S3Access(this, 'S3', s3, this.#network, bucket.keeping);
    const environment = {
      FLEET_STATE_URL: bucket.url,
      HEALTH_CHECK_RATE_MINUTES: String(this.#options.healthCheckRateMinutes),
    };
    // A month of the history may have 48 MiB.
    const page = new StackFunction(this, 'FleetPage', {
      name: 'fleet-page',
      description: 'Shows on the dashboard which Trove guest agents cannot be reached',
      bundles: this.#bundles,
      statements: [...bucket.reading, ...bucket.readingHistory],
      environment,
      timeout: Duration.seconds(10),
      memorySize: 512,
      reservedConcurrentExecutions: CONCURRENCY.page,
    });
    // Lambda gives the share of a processor by the memory: 40,000 guests within seconds.
    const list = new StackFunction(this, 'Fleet', {
      name: 'fleet',
      description: 'Lists what the last sweep found, for monitoring systems',
      bundles: this.#bundles,
      statements: bucket.reading,
      environment: { ...environment, ...keystoneVariables(this.#options) },
      timeout: Duration.seconds(20),
      memorySize: 1024,
      reservedConcurrentExecutions: CONCURRENCY.fleet,
      ...(toKeystone && {
        network: this.#network,
        securityGroups: [toKeystone, toS3.securityGroup],
        caCertificates: this.#options.caCertificates,
      }),
    });
    return { bucket, toS3, notices: new ChangeNotices(this, 'Changes'), page, list };
  }

  #watch(): [Alarms, Dashboard] {
    const { broker, topic, key } = this.#props;
    const watched = { broker, options: this.#options };
    const functions = { ping: this.ping.function, sweep: this.sweep.function };
    const alarms = new Alarms(this, 'Alarms', { ...watched, topic, key, functions, api: this.api });
    if (this.fleet) {
      const { notices } = this.fleet;
      const unpublished = notices.publishTo(alarms.topic, this.sweep.function);
      alarms.watchChanges(this.sweep.function, unpublished, notices.undelivered);
    }
    const [sweepLog, page] = [this.sweep.logGroup, this.fleet?.page.function];
    const dashboard = new Dashboard(this, 'Dashboard', { ...watched, alarms, sweepLog, page });
    return [alarms, dashboard];
  }
}

/** Properties that are not options. */
const PROPS = ['broker', 'vpc', 'subnets', 's3', 'callers', 'topic', 'key', 'bundles'];

/** What TypeScript checks, for those who write JavaScript. @throws InvalidSettings */
function checkProps(props: GuestRpcPingProps): void {
  const { vpc, subnets, broker }: Partial<GuestRpcPingProps> = props;
  const has = (name: keyof BrokerAccess) => broker?.[name] !== undefined;
  const needed = (['name', 'securityGroup', 'maxConnections', 'maxQueues'] as const).filter(
    (name) => !has(name),
  );
  const problems = [
    ...Object.keys(props)
      .filter((name) => !PROPS.includes(name) && !SETTINGS.has(name))
      .map((name) => `${name} is not a property of GuestRpcPing`),
    !vpc && 'vpc is missing',
    vpc && !subnets && vpc.isolatedSubnets.length === 0 && 'vpc has no isolated subnets: set subnets',
    !broker && 'broker is missing',
    ...(broker ? needed.map((name) => `broker.${name} is missing`) : []),
    broker && !has('endpoint') && !has('id') && 'broker.endpoint or broker.id is missing',
  ].filter((problem) => typeof problem === 'string');
  if (problems.length > 0) throw new InvalidSettings(problems.map((problem) => `${problem}.`));
}

/** In IAM's patterns: a UUID, and the six characters that Secrets Manager adds to a secret's name. */
const UUID_AND_SUFFIX = [8, 4, 4, 4, 12, 6].map((length) => '?'.repeat(length)).join('-');

function secretOf({ secret }: BrokerAccess): BrokerSecret {
  if (secret === undefined)
    throw new InvalidSettings(['broker needs a secret, or its administrator and endpoint.']);
  return secret;
}

function callersOf({ keystoneUrl, anyoneMayCallTheApi }: ParsedOptions): Callers {
  if (keystoneUrl !== undefined) return 'keystone';
  return anyoneMayCallTheApi ? 'anyone' : 'iam';
}
