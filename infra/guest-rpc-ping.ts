import { CfnOutput, Duration, RemovalPolicies, Stack } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import * as v from 'valibot';
import { ROUTE } from '../functions/http/request.ts';
import { Api, type Callers } from './api.ts';
import { BrokerUsers } from './broker/broker-users.ts';
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
import { S3Access, type S3Way } from './network/s3-access.ts';
import { OPTIONS, type Options, type ParsedOptions } from './settings/deployment-settings.ts';

/** Later than the RPC's own deadline, and sooner than API Gateway's (29 s). */
const PING_TIMEOUT = Duration.seconds(20);

/** A ping waits more than it works. */
const PING_MEMORY_MB = 256;

const EXAMPLE_PATH = ROUTE.path.replace('{tenant_id}', 'TENANT').replace('{instance_id}', 'INSTANCE_ID');

export interface GuestRpcPingProps extends Options {
  readonly broker: BrokerAccess;
  readonly vpc: IVpc;
  /** Private subnets of the VPC, from which the broker can be reached. By default its isolated subnets. */
  readonly subnets?: SubnetSelection;
  /** The way to S3; without one, no state is kept and no changes are reported. */
  readonly s3?: S3Way | undefined;
  /** How many pings may run at once; each holds one connection to the broker. */
  readonly pingConcurrency: number;
  /** Change it to give the functions a new user of the broker; the previous one is deleted. By default 1. */
  readonly brokerUserRevision?: number;
  /** Whether Trove is made a user of the broker, too. By default not. */
  readonly troveUser?: boolean;
  readonly bundles: Bundles;
}

/** The functions, their API, alarms and dashboard, beside a broker. One for each stack, whose name is in their names. */
export class GuestRpcPing extends Construct {
  constructor(scope: Construct, id: string, props: GuestRpcPingProps) {
    super(scope, id);
    const { broker, bundles, pingConcurrency } = props;
    const settings = v.parse(OPTIONS, props);
    const { stackName } = Stack.of(this);
    const network = new Network(this, 'Network', props);
    const { keystoneUrl, troveUrl } = settings;
    const users = this.#usersOf(props, settings);
    const brokerSecretArn = users?.secretArn ?? broker.secretArn;
    if (brokerSecretArn === undefined)
      throw new Error('The broker needs secretArn or administratorSecretArn');
    const secretArns = [brokerSecretArn, ...guestKeySecrets(Stack.of(this), settings)];
    const ofTrove = settings.troveSecretArn === undefined ? [] : [settings.troveSecretArn];
    const common = {
      network,
      describedBrokerArn: broker.id && brokerArn(Stack.of(this), broker.name, broker.id),
      secretsKmsKeyArn: settings.secretsKmsKeyArn,
      environment: {
        ...brokerVariables(
          settings,
          { ...broker, secretArn: brokerSecretArn },
          network.openSecretsManager([...new Set([...secretArns, ...ofTrove, ...(users?.secretArns ?? [])])]),
        ),
        METRICS_NAMESPACE: stackName,
      },
    };

    network.connect(broker.securityGroup, 5671, 'AMQP');
    network.connect(broker.securityGroup, 443, 'the management API');
    if (common.describedBrokerArn) network.openAmazonMq(common.describedBrokerArn);
    const toKeystone = keystoneUrl
      ? new OpenStackAccess(this, 'Keystone', network, {
          url: keystoneUrl,
          cidr: settings.keystoneCidr,
          securityGroupId: settings.keystoneSecurityGroupId,
        })
      : undefined;
    const toTrove = troveUrl
      ? new OpenStackAccess(this, 'Trove', network, {
          url: troveUrl,
          cidr: settings.troveCidr,
          securityGroupId: settings.troveSecurityGroupId,
        })
      : undefined;
    const ping = new BrokerFunction(this, 'RpcPing', {
      ...common,
      readableSecretArns: secretArns,
      environment: { ...common.environment, ...keystoneVariables(settings) },
      securityGroups: groupsOf(toKeystone),
      caCertificates: settings.caCertificates,
      name: 'rpc-ping',
      description: 'Pings one Trove guest agent',
      codePath: bundles['rpc-ping'],
      timeout: PING_TIMEOUT,
      memoryMb: PING_MEMORY_MB,
      concurrency: pingConcurrency,
    });
    const state =
      props.s3 && this.#stateOf(props.s3, settings.healthCheckRateMinutes, network, bundles['fleet-page']);
    const sweep = new BrokerFunction(this, 'HealthCheck', {
      ...common,
      readableSecretArns: [...secretArns, ...ofTrove],
      environment: { ...common.environment, ...sweepVariables(settings) },
      securityGroups: groupsOf(state?.toS3, toTrove && toKeystone, toTrove),
      caCertificates: troveUrl && settings.caCertificates,
      name: 'health-check',
      description: 'Pings all Trove guest agents',
      codePath: bundles['health-check'],
      timeout: sweepTiming(settings.healthCheckRateMinutes).timeout,
      memoryMb: settings.healthCheckMemoryMb,
      concurrency: 1,
    });
    const user = users?.make(
      { ...common, securityGroups: groupsOf(state?.toS3), codePath: bundles['broker-users'] },
      [network, broker.securityGroup, ...(state ? [state.toS3] : [])],
    );
    if (user) for (const { function: client } of [ping, sweep]) client.node.addDependency(user);
    state?.bucket.keepFor(sweep.function, settings);
    const schedule = new HealthCheckSchedule(
      this,
      'Sweep',
      sweep.function,
      settings.healthCheckRateMinutes,
      state?.notices.destination,
    );
    const api = new Api(this, 'Api', {
      function: ping.function,
      concurrency: pingConcurrency,
      callers: callersOf(settings),
    });
    const alarms = this.#watch(settings, {
      broker,
      ping,
      sweep,
      page: state?.page,
      undelivered: state?.notices.undelivered,
      api,
    });
    state?.notices.publishTo(alarms.topic, sweep.function);
    alarms.node.addDependency(schedule); // else `NoSweep` could ring while the stack is created
    this.#output('VpcId', 'of the functions and the broker', props.vpc.vpcId);
    this.#output('BrokerSecret', 'of the broker user that the functions log in as', brokerSecretArn);
    if (users?.troveSecretArn)
      this.#output('TroveSecret', "of Trove's user of the broker", users.troveSecretArn);
    const applyToResourceTypes = ['AWS::Logs::LogGroup', 'AWS::S3::Bucket'];
    RemovalPolicies.of(this).retainOnUpdateOrDelete({ applyToResourceTypes });
  }

  /** The users of a new broker; undefined: the functions log in as an existing user. */
  #usersOf(
    {
      broker: { endpoint, secretArn, administratorSecretArn },
      brokerUserRevision = 1,
      troveUser = false,
    }: GuestRpcPingProps,
    { brokerVhost: vhost, controlExchange, controlPlaneTopics }: ParsedOptions,
  ) {
    if (secretArn !== undefined || administratorSecretArn === undefined || endpoint === undefined)
      return undefined;
    return new BrokerUsers(this, 'Users', {
      endpoint,
      administratorSecretArn,
      vhost,
      revision: brokerUserRevision,
      trove: troveUser,
      controlExchange,
      controlPlaneTopics,
    });
  }

  /** The saved state of the fleet, its page and the notices of its changes. */
  #stateOf(s3: S3Way, rateMinutes: number, network: Network, codePath: string) {
    const bucket = new StateBucket(this, 'State');
    const toS3 = new S3Access(this, 'S3', s3, network, bucket.keeping);
    const notices = new ChangeNotices(this, 'Changes');
    this.#output('FleetState', 'the saved state of the fleet', bucket.url);
    this.#output(
      'UndeliveredQueue',
      'has notices that did not reach the topic',
      notices.undelivered.queueUrl,
    );
    this.#output('SweepBus', 'the event bus with the result of each sweep', notices.bus.eventBusName);
    const page = new PageFunction(this, 'FleetPage', { codePath, state: bucket, rateMinutes });
    this.#output('FleetPageLog', "the log group of the dashboard's page", page.logGroup.logGroupName);
    return { bucket, toS3, notices, page };
  }

  #watch(
    settings: ParsedOptions,
    parts: {
      broker: BrokerAccess;
      ping: BrokerFunction;
      sweep: BrokerFunction;
      page: PageFunction | undefined;
      undelivered: IQueue | undefined;
      api: Api;
    },
  ): Alarms {
    const { broker, ping, sweep, page, api } = parts;
    const watched = {
      brokerName: broker.name,
      maxConnections: broker.maxConnections,
      maxQueues: broker.maxQueues,
      rateMinutes: settings.healthCheckRateMinutes,
    };
    const alarms = new Alarms(this, 'Alarms', {
      ...watched,
      unreachableGuests: settings.unreachableGuests,
      email: settings.alarmEmail,
      functions: { ping: ping.function, sweep: sweep.function },
      undelivered: parts.undelivered,
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
      settings.keystoneUrl ? curlWithToken(api.url) : curl(Stack.of(this).region, api.url),
    );
    this.#output('DashboardUrl', 'of the dashboard', dashboard.url);
    this.#output('AlarmTopic', 'the SNS topic to which the alarms are published', alarms.topic.topicArn);
    this.#output(
      'BrokerSecurityGroup',
      'lets clients of the broker in',
      broker.securityGroup.securityGroupId,
    );
    if (broker.endpoint) this.#output('BrokerEndpoint', 'of the broker', broker.endpoint);
    this.#output('RpcPingLog', 'the log group of the pings', ping.logGroup.logGroupName);
    this.#output('AccessLog', "the log group of the API's requests", api.accessLog.logGroupName);
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
  { guestKeySecretPrefix }: ParsedOptions,
): string[] {
  if (guestKeySecretPrefix === undefined) return [];
  return [
    `arn:${partition}:secretsmanager:${region}:${account}:secret:${guestKeySecretPrefix}${UUID_AND_SUFFIX}`,
  ];
}

function brokerArn({ partition, region, account }: Stack, name: string, id: string): string {
  return `arn:${partition}:mq:${region}:${account}:broker:${name}:${id}`;
}

function callersOf({ keystoneUrl, anyoneMayCallTheApi }: ParsedOptions): Callers {
  if (keystoneUrl !== undefined) return 'keystone';
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
