import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { ROUTE } from '../functions/http/request.ts';
import { Api, type Callers } from './api.ts';
import { ExistingBroker } from './broker/existing-broker.ts';
import { NewBroker } from './broker/new-broker.ts';
import type { Bundles } from './bundle/bundle.ts';
import { ChangeNotices } from './changes/change-notices.ts';
import { StateBucket } from './changes/state-bucket.ts';
import { BrokerFunction } from './compute/broker-function.ts';
import { brokerVariables, keystoneVariables, sweepVariables } from './compute/function-environment.ts';
import { PageFunction } from './compute/page-function.ts';
import { HealthCheckSchedule, sweepTiming } from './compute/sweep-schedule.ts';
import { Alarms } from './monitoring/alarms.ts';
import { Dashboard } from './monitoring/dashboard.ts';
import type { BrokerAccess } from './network/broker-access.ts';
import { Network } from './network/network.ts';
import { OpenStackAccess } from './network/openstack-access.ts';
import { S3Access } from './network/s3-access.ts';
import type { Settings } from './settings/deployment-settings.ts';

/** Later than the RPC's own deadline, and sooner than API Gateway's (29 s). */
const PING_TIMEOUT = Duration.seconds(20);

/** A ping waits more than it works. */
const PING_MEMORY_MB = 256;

const EXAMPLE_PATH = ROUTE.path.replace('{tenant_id}', 'TENANT').replace('{instance_id}', 'INSTANCE_ID');

/** All that is deployed, composed of the constructs beside this file. */
export class GuestRpcPingStack extends Stack {
  constructor(scope: Construct, id: string, settings: Settings, bundles: Bundles) {
    super(scope, id, { description: 'Guest RPC Ping: whether Trove guest agents can be reached over RPC' });
    const network = new Network(this, 'Network', settings.broker);
    const broker = this.#broker(settings, network);
    const { keystone, trove } = settings;
    const secretArns = [broker.secretArn, ...guestKeySecrets(this, settings)];
    const ofTrove = trove ? [trove.secretArn] : [];
    const common = {
      network,
      broker,
      secretsKmsKeyArn: settings.secretsKmsKeyArn,
      environment: {
        ...brokerVariables(settings, broker, network.openSecretsManager([...secretArns, ...ofTrove])),
        METRICS_NAMESPACE: this.stackName,
      },
    };

    network.connect(broker.securityGroup, 5671, 'AMQP');
    network.connect(broker.securityGroup, 443, 'the management API');
    if (broker.description) network.openAmazonMq(broker.description.arn);
    const toKeystone = keystone && new OpenStackAccess(this, 'Keystone', 'Keystone', keystone, network);
    const toTrove = trove && new OpenStackAccess(this, 'Trove', 'Trove', trove, network);
    const ping = new BrokerFunction(this, 'RpcPing', {
      ...common,
      readableSecretArns: secretArns,
      environment: { ...common.environment, ...keystoneVariables(settings) },
      securityGroups: groupsOf(toKeystone),
      caCertificates: keystone?.caCertificates,
      name: 'rpc-ping',
      description: 'Pings one Trove guest agent',
      codePath: bundles['rpc-ping'],
      timeout: PING_TIMEOUT,
      memoryMb: PING_MEMORY_MB,
      concurrency: settings.pingConcurrency,
    });
    const state = this.#stateOf(settings, network, bundles['fleet-page']);
    const sweep = new BrokerFunction(this, 'HealthCheck', {
      ...common,
      readableSecretArns: [...secretArns, ...ofTrove],
      environment: { ...common.environment, ...sweepVariables(settings) },
      securityGroups: groupsOf(state?.toS3, trove && toKeystone, toTrove),
      caCertificates: trove && keystone?.caCertificates,
      name: 'health-check',
      description: 'Pings all Trove guest agents',
      codePath: bundles['health-check'],
      timeout: sweepTiming(settings.healthCheckRateMinutes).timeout,
      memoryMb: settings.healthCheckMemoryMb,
      concurrency: 1,
    });
    state?.bucket.keepFor(sweep.function, settings.fleetState, settings.healthCheckRateMinutes);
    const schedule = new HealthCheckSchedule(
      this,
      'Sweep',
      sweep.function,
      settings.healthCheckRateMinutes,
      state?.notices.destination,
    );
    const api = new Api(this, 'Api', {
      function: ping.function,
      concurrency: settings.pingConcurrency,
      callers: callersOf(settings),
    });
    const alarms = this.#watch(settings, { broker, ping, sweep, page: state?.page, api });
    state?.notices.publishTo(alarms.topic, sweep.function);
    alarms.node.addDependency(schedule); // else `NoSweep` would ring while a new broker is created
    this.#output('VpcId', 'of the functions and a new broker', network.vpc.vpcId);
  }

  #broker({ broker }: Settings, network: Network): BrokerAccess {
    if (broker.kind === 'new') return new NewBroker(this, 'Broker', broker, network);
    return new ExistingBroker(this, 'Broker', broker);
  }

  /** The saved state of the fleet, its page and the notices of its changes; undefined without a way to S3. */
  #stateOf(
    { fleetState: { s3 }, healthCheckRateMinutes: rateMinutes }: Settings,
    network: Network,
    codePath: string,
  ) {
    if (s3 === undefined) return undefined;
    const bucket = new StateBucket(this, 'State');
    const toS3 = new S3Access(this, 'S3', s3, network, bucket.keeping);
    const notices = new ChangeNotices(this, 'Changes');
    this.#output('FleetState', 'the saved state of the fleet', bucket.url);
    this.#output('SweepBus', 'the event bus with the result of each sweep', notices.bus.eventBusName);
    const page = new PageFunction(this, 'FleetPage', { codePath, state: bucket, rateMinutes });
    this.#output('FleetPageLog', "the log group of the dashboard's page", page.logGroup.logGroupName);
    return { bucket, toS3, notices, page };
  }

  #watch(
    settings: Settings,
    parts: {
      broker: BrokerAccess;
      ping: BrokerFunction;
      sweep: BrokerFunction;
      page: PageFunction | undefined;
      api: Api;
    },
  ): Alarms {
    const { broker, ping, sweep, page, api } = parts;
    const watched = {
      brokerName: broker.name,
      maxConnections: settings.broker.maxConnections,
      maxQueues: settings.broker.maxQueues,
      rateMinutes: settings.healthCheckRateMinutes,
    };
    const alarms = new Alarms(this, 'Alarms', {
      ...watched,
      unreachableGuests: settings.unreachableGuests,
      email: settings.alarmEmail,
      functions: { ping: ping.function, sweep: sweep.function },
      reportsChanges: settings.fleetState.s3 !== undefined,
      pingsControlPlane: settings.controlPlaneTopics !== '',
      api,
    });
    const dashboard = new Dashboard(this, 'Dashboard', {
      ...watched,
      alarms,
      sweepLog: sweep.logGroup,
      page: page?.function,
    });
    this.#output('Url', 'of the API', api.url);
    this.#output(
      'Curl',
      'pings a guest, once TENANT and INSTANCE_ID are replaced',
      settings.keystone ? curlWithToken(api.url) : curl(this.region, api.url),
    );
    this.#output('DashboardUrl', 'of the dashboard', dashboard.url);
    this.#output('AlarmTopic', 'the SNS topic to which the alarms are published', alarms.topic.topicArn);
    this.#output('BrokerSecret', 'of the broker user that the functions log in as', broker.secretArn);
    this.#output(
      'BrokerSecurityGroup',
      'lets clients of the broker in',
      broker.securityGroup.securityGroupId,
    );
    if (broker.endpoint) this.#output('BrokerEndpoint', 'of the broker', broker.endpoint);
    this.#output('RpcPingLog', 'the log group of the pings', ping.logGroup.logGroupName);
    this.#output('AccessLog', "the log group of the API's requests", api.accessLog.logGroupName);
    if (broker instanceof NewBroker)
      this.#output('AdministratorSecret', "of the new broker's administrator", broker.administratorSecretArn);
    this.#output('HealthCheckLog', 'the log group of the sweeps', sweep.logGroup.logGroupName);
    if (callersOf(settings) === 'iam') this.#outputApiArn(api);
    return alarms;
  }

  #outputApiArn({ httpApi }: Api): void {
    const arn = httpApi.arnForExecuteApi('GET', ROUTE.path.replaceAll(/\{\w+\}/g, '*'));
    this.#output('ApiArn', 'what callers need execute-api:Invoke on', arn);
  }

  #output(id: string, description: string, value: string): void {
    new CfnOutput(this, id, { description, value });
  }
}

/** The security groups of the ways that there are. */
function groupsOf(
  ...ways: readonly ({ readonly securityGroup: ISecurityGroup } | undefined)[]
): ISecurityGroup[] {
  return ways.flatMap((way) => way?.securityGroup ?? []);
}

/** In IAM's patterns: a UUID, and the six characters that Secrets Manager adds to a secret's name. */
const UUID_AND_SUFFIX = [8, 4, 4, 4, 12, 6].map((length) => '?'.repeat(length)).join('-');

/** A pattern for the secrets of the guests' keys: the instances' ids are not known at deployment. */
function guestKeySecrets(
  { partition, region, account }: Stack,
  { guestKeySecretPrefix }: Settings,
): string[] {
  if (guestKeySecretPrefix === undefined) return [];
  return [
    `arn:${partition}:secretsmanager:${region}:${account}:secret:${guestKeySecretPrefix}${UUID_AND_SUFFIX}`,
  ];
}

function callersOf({ keystone, anyoneMayCallTheApi }: Settings): Callers {
  if (keystone !== undefined) return 'keystone';
  return anyoneMayCallTheApi ? 'anyone' : 'iam';
}

/** With a token of OpenStack's command line tools: `OS_TOKEN=$(openstack token issue -f value -c id)`. */
function curlWithToken(url: string): string {
  return `curl -i -H "X-Auth-Token: $OS_TOKEN" ${url}${EXAMPLE_PATH}`;
}

/** A signed `curl`, with credentials from the environment variables of AWS's command line tools. */
function curl(region: string, url: string): string {
  return [
    `curl -i --aws-sigv4 "aws:amz:${region}:execute-api"`,
    '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"',
    '${AWS_SESSION_TOKEN:+-H "x-amz-security-token: $AWS_SESSION_TOKEN"}', // curl would sign an empty header, and not send it
    `${url}${EXAMPLE_PATH}`,
  ].join(' ');
}
