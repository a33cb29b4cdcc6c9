import { CA_CERTIFICATES_PATH } from '../bundle/function-code.ts';
import type { BrokerAccess } from '../network/broker-access.ts';
import type { ParsedOptions } from '../settings/deployment-settings.ts';

type Variables = Readonly<Record<string, string>>;

/**
 * The environment variables of the functions that reach the broker, which infra/README.md lists; none of them is a secret.
 *
 * @param secretsManagerUrl where Secrets Manager is reached from the functions' network
 */
export function brokerVariables(
  settings: ParsedOptions,
  { endpoint, id }: BrokerAccess,
  secretArn: string,
  secretsManagerUrl: string,
): Variables {
  return {
    ...(endpoint && { BROKER_ENDPOINT: endpoint }),
    // The dual-stack name mq.<region>.api.aws is the one that Amazon MQ's interface endpoint has.
    ...(id && { BROKER_ID: id, AWS_USE_DUALSTACK_ENDPOINT: 'true' }),
    BROKER_SECRET_ID: secretArn,
    BROKER_VHOST: settings.brokerVhost,
    CONTROL_EXCHANGE: settings.controlExchange,
    RPC_TIMEOUT_SECONDS: String(settings.rpcTimeoutSeconds),
    NO_CONSUMER_GRACE_SECONDS: String(settings.noConsumerGraceSeconds),
    ...(settings.guestKeySecretPrefix && { GUEST_KEY_SECRET_PREFIX: settings.guestKeySecretPrefix }),
    ...(settings.requireEncryption && { REQUIRE_ENCRYPTION: 'true' }),
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManagerUrl,
  };
}

/** Those by which a function asks Keystone; none without it. */
export function keystoneVariables(settings: ParsedOptions): Variables {
  if (settings.keystoneUrl === undefined) return {};
  return {
    KEYSTONE_URL: settings.keystoneUrl,
    KEYSTONE_ADMIN_ROLES: settings.keystoneAdminRoles,
    ...(settings.caCertificates && { NODE_EXTRA_CA_CERTS: CA_CERTIFICATES_PATH }),
  };
}

/** Those of the health check alone. */
export function sweepVariables(settings: ParsedOptions): Variables {
  const { troveUrl, troveSecretArn, controlPlaneTopics } = settings;
  return {
    CONTROL_PLANE_TOPICS: controlPlaneTopics,
    ...(troveUrl &&
      troveSecretArn && {
        ...keystoneVariables(settings),
        TROVE_URL: troveUrl,
        TROVE_SECRET_ID: troveSecretArn,
        EXPECTED_SILENCE_MINUTES: String(settings.expectedSilenceMinutes),
      }),
  };
}
