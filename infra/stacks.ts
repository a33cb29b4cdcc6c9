import { type App, CfnOutput, CfnParameter, CfnRule, Fn, Stack, Tags } from 'aws-cdk-lib';
import { SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { GuestRpcPingBroker } from './broker/guest-rpc-ping-broker.ts';
import { GuestRpcPing } from './guest-rpc-ping.ts';
import { logGroupsOf } from './monitoring/log-retention.ts';
import { addOutputs } from './outputs.ts';
import { MAKING, makingOf } from './settings/broker-lock.ts';
import {
  brokerStackOf,
  type ExistingBrokerSettings,
  modelOf,
  type NewBrokerSettings,
  type Settings,
} from './settings/deployment-settings.ts';

/**
 * The stacks of a deployment: the functions' has the deployment's name; the broker's, where the deployment makes one, is
 * deployed before it. The ids in both are those of earlier versions: another id would make another resource.
 */
export function addDeployment(app: App, settings: Settings, bundles: string): Stack {
  const { vpcId, subnetIds, securityGroupId, broker, s3 } =
    'newBroker' in settings ? newBroker(app, settings) : existingBroker(settings);
  const { name, maxConnections, maxQueues, ...options } = settings;
  const stack = new Stack(app, name, {
    description: 'Guest RPC Ping: whether Trove guest agents can be reached over RPC',
  });
  const scope = new Construct(stack, 'Broker');
  const securityGroup = SecurityGroup.fromSecurityGroupId(scope, 'SecurityGroup', securityGroupId);
  const vpc = Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId,
    availabilityZones: subnetIds.map((_, index) => Fn.select(index, Fn.getAzs())), // CDK demands zones, reads none
    isolatedSubnetIds: [...subnetIds],
  });
  const { brokerSecretArn } = settings;
  const secret =
    brokerSecretArn === undefined
      ? undefined
      : Secret.fromSecretCompleteArn(scope, 'Secret', brokerSecretArn);
  const access = { ...broker, secret, name: settings.brokerName, securityGroup, maxConnections, maxQueues };
  const key = keyOf(stack, settings);
  const props = { ...options, bundles, vpc, s3, key, broker: access };
  addOutputs(stack, new GuestRpcPing(stack, 'Default', props), props);
  finish(stack, settings);
  return stack;
}

function finish(stack: Stack, { tags, logRetentionDays, kmsKeyArn }: Settings): void {
  for (const [name, value] of Object.entries(tags)) Tags.of(stack).add(name, value);
  for (const log of logGroupsOf(stack)) {
    log.retentionInDays = logRetentionDays;
    if (kmsKeyArn !== undefined) log.kmsKeyId = kmsKeyArn;
  }
}

function keyOf(stack: Stack, { kmsKeyArn }: Settings) {
  return kmsKeyArn === undefined ? undefined : Key.fromKeyArn(stack, 'Key', kmsKeyArn);
}

function existingBroker(settings: ExistingBrokerSettings) {
  const { vpcId, subnetIds, s3PrefixListId: prefixListId, routeTableIds } = settings;
  const { brokerEndpoint: endpoint, brokerId: id } = settings;
  return {
    vpcId,
    subnetIds,
    securityGroupId: settings.brokerSecurityGroupId,
    broker: { endpoint, id },
    s3: prefixListId === undefined ? undefined : { prefixListId, routeTableIds },
  };
}

/**
 * Has CloudFormation refuse other settings than those that made the broker, also where its files are lost: an update keeps a
 * parameter's previous value.
 */
function holdMaking(stack: Stack, settings: NewBrokerSettings): void {
  const making = JSON.stringify(makingOf(settings));
  const parameter = new CfnParameter(stack, MAKING, {
    description: 'The settings that made the broker. Do not set it.',
    default: making,
  });
  new CfnRule(stack, `${MAKING}Hold`, {
    assertions: [
      {
        assert: Fn.conditionEquals(parameter, making),
        assertDescription: `The broker of this stack was made with other settings, which its parameter ${MAKING} has, and these would replace it: see infra/README.md, Replace or remove a broker.`,
      },
    ],
  });
}

function newBroker(app: App, settings: NewBrokerSettings) {
  const stack = new Stack(app, brokerStackOf(settings), {
    description: `Guest RPC Ping: the broker of ${settings.name}, on which Trove depends`,
    terminationProtection: true,
  });
  const made = new GuestRpcPingBroker(stack, 'Default', {
    name: settings.brokerName,
    version: settings.brokerVersion,
    model: modelOf({ ...settings }),
    maxMessageBytes: settings.brokerMaxMessageBytes,
    kmsKeyArn: settings.brokerKmsKeyArn,
    secretsKey: keyOf(stack, settings),
    clientCidrs: settings.clientCidrs,
    clientSecurityGroupIds: settings.clientSecurityGroupIds,
    maintenanceWindow: settings.maintenanceWindow,
    vpcCidr: settings.vpcCidr,
    availabilityZones: settings.availabilityZones,
  });
  holdMaking(stack, settings);
  finish(stack, settings);
  const { vpc, s3, broker } = made.place;
  const { administrator, endpoint, securityGroup } = broker;
  const id = settings.describeBroker ? made.brokerId : undefined;
  new CfnOutput(stack, 'AdministratorSecret', {
    description: "of the broker's administrator",
    value: administrator.secretArn,
  });
  return {
    vpcId: vpc.vpcId,
    subnetIds: vpc.isolatedSubnets.map(({ subnetId }) => subnetId),
    securityGroupId: securityGroup.securityGroupId,
    broker: { endpoint, id, administrator },
    s3: { ...s3, prefixListId: settings.s3PrefixListId },
  };
}
