import type { ExistingBrokerSettings, NewBrokerSettings, Settings } from '../settings/deployment-settings.ts';
import { checkArns, checkBootstrap, checkConcurrency } from './account-checks.ts';
import type { AwsAccount } from './aws-account.ts';
import { checkBroker, checkInstanceType } from './broker-checks.ts';
import type { Finding } from './finding.ts';
import { checkHttps } from './https-check.ts';
import {
  checkAddresses,
  checkApiEndpoint,
  checkEndpointServices,
  checkS3,
  checkSubnets,
  subnetsOf,
  zonesOf,
} from './network-checks.ts';
import { checkGuestKeys, checkSecret } from './secret-checks.ts';

type Checks = readonly (Finding | Promise<Finding>)[];

/** Begins all checks that concern a deployment. A promise that rejects is a check that could not be made. */
export function begin(aws: AwsAccount, settings: Settings): Checks {
  const { brokerSecretArn, troveSecretArn, guestKeySecretPrefix, secretsKmsKeyArn: key } = settings;
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
    ...(guestKeySecretPrefix ? [checkGuestKeys(aws, guestKeySecretPrefix)] : []),
  ];
}

/** Those that need no account: Keystone's and Trove's API. */
export function beginWithoutAccount({ keystoneUrl, troveUrl, caCertificates }: Settings): Checks {
  return Object.entries({ keystoneUrl, troveUrl }).flatMap(([setting, url]) =>
    url === undefined ? [] : [checkHttps(setting, url, caCertificates)],
  );
}

function ofNewBroker(aws: AwsAccount, settings: NewBrokerSettings): Checks {
  const zones = zonesOf(aws, settings);
  return [
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
