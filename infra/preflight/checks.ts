import {
  brokerStackOf,
  type ExistingBrokerSettings,
  modelOf,
  type NewBrokerSettings,
  type Settings,
} from '../settings/deployment-settings.ts';
import type { Finding } from '../terminal/finding.ts';
import { checkArns, checkBootstrap, checkConcurrency } from './account-checks.ts';
import type { AwsAccount } from './aws-account.ts';
import { checkBroker, checkBrokerName, checkBrokerStack, checkInstanceType } from './broker-checks.ts';
import { checkHttps } from './https-check.ts';
import { checkKey } from './key-checks.ts';
import {
  checkAddresses,
  checkApiEndpoint,
  checkDns,
  checkEndpointServices,
  checkS3,
  checkSubnets,
  subnetsOf,
  zonesOf,
} from './network-checks.ts';
import { checkGuestKeys, checkSecret } from './secret-checks.ts';

/** By what they look at. A promise that rejects is a check that could not be made. */
export type Checks = Readonly<Record<string, Finding | Promise<Finding>>>;

/** Begins all checks that concern a deployment. */
export function accountChecks(aws: AwsAccount, settings: Settings): Checks {
  const { brokerSecretArn, troveSecretArn, guestKeySecretPrefix, secretsKmsKeyArn, kmsKeyArn } = settings;
  const { apiEndpointId } = settings;
  const login = ['username', 'password'];
  return {
    [`Account ${aws.id} in ${aws.region}`]: checkArns(aws, settings),
    [`CDK's bootstrap stack in ${aws.region}`]: checkBootstrap(aws),
    "Lambda's concurrency": checkConcurrency(aws, settings),
    ...('newBroker' in settings ? ofNewBroker(aws, settings) : ofExistingBroker(aws, settings)),
    S3: checkS3(aws, settings),
    ...(apiEndpointId && { [`The endpoint ${apiEndpointId}`]: checkApiEndpoint(aws, apiEndpointId) }),
    ...(brokerSecretArn && { brokerSecretArn: checkSecret(aws, brokerSecretArn, login, secretsKmsKeyArn) }),
    ...(troveSecretArn && {
      troveSecretArn: checkSecret(aws, troveSecretArn, ['id', 'secret'], secretsKmsKeyArn),
    }),
    ...(secretsKmsKeyArn && { secretsKmsKeyArn: checkKey(aws, 'secretsKmsKeyArn', secretsKmsKeyArn) }),
    ...(kmsKeyArn && { kmsKeyArn: checkKey(aws, 'kmsKeyArn', kmsKeyArn) }),
    ...(guestKeySecretPrefix && { guestKeySecretPrefix: checkGuestKeys(aws, guestKeySecretPrefix) }),
  };
}

/** Those that need no account: Keystone's and Trove's API. */
export function openStackChecks({ keystoneUrl, troveUrl, caCertificates: ca }: Settings): Checks {
  return {
    ...(keystoneUrl && { keystoneUrl: checkHttps(keystoneUrl, ca) }),
    ...(troveUrl && { troveUrl: checkHttps(troveUrl, ca) }),
  };
}

function ofNewBroker(aws: AwsAccount, settings: NewBrokerSettings): Checks {
  const { brokerKmsKeyArn, brokerName, brokerVersion, describeBroker, newBroker } = settings;
  const zones = zonesOf(aws, settings);
  return {
    [`The stack ${brokerStackOf(settings)}`]: checkBrokerStack(aws, settings),
    [`The name ${brokerName}`]: checkBrokerName(aws, settings),
    [`A ${newBroker} of RabbitMQ ${brokerVersion} on ${modelOf({ ...settings }).instanceType}`]:
      checkInstanceType(aws, settings, zones),
    'Interface endpoints': checkEndpointServices(aws, servicesOf(settings, describeBroker), zones),
    Addresses: checkAddresses(aws, settings),
    ...(brokerKmsKeyArn && { brokerKmsKeyArn: checkKey(aws, 'brokerKmsKeyArn', brokerKmsKeyArn) }),
  };
}

function ofExistingBroker(aws: AwsAccount, settings: ExistingBrokerSettings): Checks {
  const { brokerId, brokerName, subnetIds } = settings;
  const subnets = subnetsOf(aws, subnetIds);
  const zones = subnets.then((found) => found.map(({ zone }) => zone));
  return {
    [`The broker ${brokerId ?? brokerName}`]: checkBroker(aws, settings),
    'The subnets': subnets.then((found) => checkSubnets(found, settings)),
    [`The DNS of ${settings.vpcId}`]: checkDns(aws, settings),
    'Interface endpoints': checkEndpointServices(aws, servicesOf(settings, brokerId !== undefined), zones),
  };
}

/** The AWS services to which the stack makes interface endpoints. */
function servicesOf({ access, apiEndpointId }: Settings, isBrokerDescribed: boolean): string[] {
  const isApiEndpointMade = access === 'private' && apiEndpointId === undefined;
  return [
    'secretsmanager',
    ...(isBrokerDescribed ? ['mq'] : []),
    ...(isApiEndpointMade ? ['execute-api'] : []),
  ];
}
