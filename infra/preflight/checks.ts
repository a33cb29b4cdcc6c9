import type { ExistingBrokerSettings, NewBrokerSettings, Settings } from '../settings/deployment-settings.ts';
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

type Checks = readonly (Finding | Promise<Finding>)[];

const KEYS = ['brokerKmsKeyArn', 'secretsKmsKeyArn', 'kmsKeyArn'] as const;

/** Begins all checks that concern a deployment. A promise that rejects is a check that could not be made. */
export function accountChecks(aws: AwsAccount, settings: Settings): Checks {
  const { brokerSecretArn, troveSecretArn, guestKeySecretPrefix, secretsKmsKeyArn: key } = settings;
  const { kmsKeyArn, brokerKmsKeyArn } = { brokerKmsKeyArn: undefined, ...settings };
  const keys = { brokerKmsKeyArn, secretsKmsKeyArn: key, kmsKeyArn };
  return [
    checkArns(aws, settings),
    checkBootstrap(aws),
    checkConcurrency(aws, settings),
    ...('newBroker' in settings ? ofNewBroker(aws, settings) : ofExistingBroker(aws, settings)),
    checkS3(aws, settings),
    ...(settings.apiEndpointId ? [checkApiEndpoint(aws, settings.apiEndpointId)] : []),
    ...(brokerSecretArn
      ? [checkSecret(aws, 'brokerSecretArn', brokerSecretArn, ['username', 'password'], key)]
      : []),
    ...(troveSecretArn ? [checkSecret(aws, 'troveSecretArn', troveSecretArn, ['id', 'secret'], key)] : []),
    ...KEYS.flatMap((name) => (keys[name] === undefined ? [] : [checkKey(aws, name, keys[name])])),
    ...(guestKeySecretPrefix ? [checkGuestKeys(aws, guestKeySecretPrefix)] : []),
  ];
}

/** Those that need no account: Keystone's and Trove's API. */
export function openStackChecks({ keystoneUrl, troveUrl, caCertificates }: Settings): Checks {
  return Object.entries({ keystoneUrl, troveUrl }).flatMap(([setting, url]) =>
    url === undefined ? [] : [checkHttps(setting, url, caCertificates)],
  );
}

function ofNewBroker(aws: AwsAccount, settings: NewBrokerSettings): Checks {
  const zones = zonesOf(aws, settings);
  return [
    checkBrokerStack(aws, settings),
    checkBrokerName(aws, settings),
    checkInstanceType(aws, settings, zones),
    checkEndpointServices(aws, servicesOf(settings, settings.describeBroker), zones),
    checkAddresses(aws, settings),
  ];
}

function ofExistingBroker(aws: AwsAccount, settings: ExistingBrokerSettings): Checks {
  const subnets = subnetsOf(aws, settings.subnetIds);
  const zones = subnets.then((found) => found.map(({ zone }) => zone));
  return [
    checkBroker(aws, settings),
    subnets.then((found) => checkSubnets(found, settings)),
    checkDns(aws, settings),
    checkEndpointServices(aws, servicesOf(settings, settings.brokerId !== undefined), zones),
  ];
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
