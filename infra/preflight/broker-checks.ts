import { MAKING, makingOf } from '../settings/broker-lock.ts';
import {
  brokerStackOf,
  type ExistingBrokerSettings,
  modelOf,
  type NewBrokerSettings,
} from '../settings/deployment-settings.ts';
import { type Finding, good, open, todo, unless } from '../terminal/finding.ts';
import type { AwsAccount } from './aws-account.ts';

/** Whether Amazon MQ makes such a broker in these zones. */
export async function checkInstanceType(
  { mq, region }: AwsAccount,
  settings: NewBrokerSettings,
  wantedZones: Promise<readonly string[]>,
): Promise<Finding> {
  const { instanceType, isCluster } = modelOf({ ...settings });
  const query = { EngineType: 'RABBITMQ', HostInstanceType: instanceType };
  const [{ BrokerInstanceOptions: options = [] }, zones] = await Promise.all([
    mq.describeBrokerInstanceOptions(query),
    wantedZones,
  ]);
  if (options.length === 0)
    return todo(`Amazon MQ does not have the type in ${region}: set brokerInstanceType.`);
  const names = options.flatMap((option) => option.AvailabilityZones ?? []).flatMap(({ Name }) => Name ?? []);
  const modes = options.flatMap((option) => option.SupportedDeploymentModes ?? []);
  const versions = options.flatMap((option) => option.SupportedEngineVersions ?? []);
  const without = zones.filter((zone) => !names.includes(zone));
  return unless(
    [
      without.length > 0 &&
        `${without.join(' and ')} does not have the type: set availabilityZones to two of ${names.sort().join(', ')}`,
      !modes.includes(isCluster ? 'CLUSTER_MULTI_AZ' : 'SINGLE_INSTANCE') &&
        'the type is not for this kind of broker: set brokerInstanceType',
      !versions.some((version) => version.startsWith(settings.brokerVersion)) &&
        `the type has RabbitMQ ${versions.join(', ')}: set brokerVersion`,
    ],
    `Amazon MQ has it in ${zones.join(' and ')}`,
  );
}

/** Whether the stack of a new broker, where there is one, was made with these settings, and has not failed at first. */
export async function checkBrokerStack(
  { cloudFormation }: AwsAccount,
  settings: NewBrokerSettings,
): Promise<Finding> {
  const name = brokerStackOf(settings);
  const answer = await cloudFormation.describeStacks({ StackName: name }).catch((error: Error) => {
    if (!error.message.endsWith('does not exist')) throw error;
  });
  const [stack] = answer?.Stacks ?? [];
  if (stack === undefined) return good('new.');
  const { StackStatus: status, Parameters: parameters = [] } = stack;
  const making = JSON.stringify(makingOf(settings));
  const { ParameterValue: made = making } = parameters.find(({ ParameterKey: key }) => key === MAKING) ?? {};
  const isFailed = status === 'ROLLBACK_COMPLETE' || status === 'ROLLBACK_FAILED';
  return unless(
    [
      isFailed &&
        `its first deployment failed. Allow its removal: \`aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name ${name}\`, and deploy again`,
      !isFailed &&
        made !== making &&
        `its broker was made with ${made}, and these settings would replace it: set them back, or see infra/README.md, Replace or remove a broker`,
    ],
    'its broker was made with these settings',
  );
}

/** Whether the name of a new broker is free, or its own already. */
export async function checkBrokerName({ mq }: AwsAccount, settings: NewBrokerSettings): Promise<Finding> {
  const { brokerName } = settings;
  const { BrokerSummaries: brokers = [] } = await mq.listBrokers({ MaxResults: 100 });
  const BrokerId = brokers.find((broker) => broker.BrokerName === brokerName)?.BrokerId;
  if (BrokerId === undefined) return good('free in Amazon MQ.');
  const { Tags: tags } = await mq.describeBroker({ BrokerId });
  const stack = brokerStackOf(settings);
  const isOwn = tags?.['aws:cloudformation:stack-name'] === stack;
  return unless(
    [!isOwn && `the broker ${BrokerId} has it, and is not of the stack ${stack}: set another brokerName`],
    `its broker is of the stack ${stack}`,
  );
}

export async function checkBroker({ mq }: AwsAccount, settings: ExistingBrokerSettings): Promise<Finding> {
  const { brokerEndpoint, brokerName, brokerSecurityGroupId } = settings;
  const id = settings.brokerId ?? /^amqps:\/\/(b-[0-9a-f-]{36})\./.exec(brokerEndpoint ?? '')?.[1];
  if (id === undefined) return open("brokerEndpoint does not say which one of Amazon MQ's it is.");
  const broker = await mq.describeBroker({ BrokerId: id });
  const endpoints = broker.BrokerInstances?.flatMap(({ Endpoints }) => Endpoints ?? []) ?? [];
  const groups = broker.SecurityGroups ?? [];
  return unless(
    [
      broker.EngineType?.toUpperCase() !== 'RABBITMQ' && `it is ${broker.EngineType}, not RabbitMQ`,
      broker.BrokerState !== 'RUNNING' && `its state is ${broker.BrokerState}: wait for RUNNING`,
      broker.PubliclyAccessible === true &&
        'it is public, without a security group of yours: make a private one',
      broker.BrokerName !== brokerName && `its name is ${broker.BrokerName}: set brokerName`,
      brokerEndpoint !== undefined &&
        !endpoints.includes(brokerEndpoint) &&
        `its endpoint is ${endpoints.join(', ')}: set brokerEndpoint`,
      !groups.includes(brokerSecurityGroupId) &&
        `its security groups are ${groups.join(', ')}: set brokerSecurityGroupId`,
    ],
    `running, RabbitMQ ${broker.EngineVersion} on ${broker.HostInstanceType}`,
  );
}
