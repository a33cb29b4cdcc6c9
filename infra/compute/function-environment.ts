import { CA_CERTIFICATES_PATH } from '../bundle/function-code.ts';
import type { BrokerAccess } from '../network/broker-access.ts';
import type { Settings } from '../settings/deployment-settings.ts';

type Variables = Readonly<Record<string, string>>;

/**
 * The environment variables of the functions that reach the broker, which infra/README.md lists; none of them is a secret.
 *
 * @param secretsManagerUrl where Secrets Manager is reached from the functions' network
 */
export function brokerVariables(
  settings: Settings,
  { endpoint, description, secretArn }: BrokerAccess,
  secretsManagerUrl: string,
): Variables {
  return {
    ...(endpoint && { BROKER_ENDPOINT: endpoint }),
    // The dual-stack name mq.<region>.api.aws is the one that Amazon MQ's interface endpoint has.
    ...(description && { BROKER_ID: description.id, AWS_USE_DUALSTACK_ENDPOINT: 'true' }),
    BROKER_SECRET_ID: secretArn,
    BROKER_VHOST: settings.vhost,
    CONTROL_EXCHANGE: settings.controlExchange,
    RPC_TIMEOUT_SECONDS: String(settings.rpcTimeoutSeconds),
    NO_CONSUMER_GRACE_SECONDS: String(settings.noConsumerGraceSeconds),
    ...(settings.guestKeySecretPrefix && { GUEST_KEY_SECRET_PREFIX: settings.guestKeySecretPrefix }),
    ...(settings.requireEncryption && { REQUIRE_ENCRYPTION: 'true' }),
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManagerUrl,
  };
}

/** Those by which a function asks Keystone; none without it. */
export function keystoneVariables({ keystone }: Settings): Variables {
  if (keystone === undefined) return {};
  return {
    KEYSTONE_URL: keystone.url,
    KEYSTONE_ADMIN_ROLES: keystone.adminRoles,
    ...(keystone.caCertificates && { NODE_EXTRA_CA_CERTS: CA_CERTIFICATES_PATH }),
  };
}

/** Those of the health check alone. */
export function sweepVariables(settings: Settings): Variables {
  const { trove, controlPlaneTopics } = settings;
  return {
    CONTROL_PLANE_TOPICS: controlPlaneTopics,
    ...(trove && {
      ...keystoneVariables(settings),
      TROVE_URL: trove.url,
      TROVE_SECRET_ID: trove.secretArn,
      EXPECTED_SILENCE_MINUTES: String(trove.expectedSilenceMinutes),
    }),
  };
}
