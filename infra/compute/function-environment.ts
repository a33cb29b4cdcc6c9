import type { BrokerAccess } from '../network/broker-access.ts';
import type { Settings } from '../settings/deployment-settings.ts';

/**
 * The functions' environment variables, which infra/README.md lists; none of them is a secret.
 *
 * @param secretsManagerUrl where Secrets Manager is reached from the functions' network
 */
export function functionEnvironment(
  settings: Settings,
  broker: BrokerAccess,
  secretsManagerUrl: string,
): Record<string, string> {
  const { endpoint, description } = broker;
  return {
    ...(endpoint && { BROKER_ENDPOINT: endpoint }),
    // The dual-stack name mq.<region>.api.aws is the one that Amazon MQ's interface endpoint has.
    ...(description && { BROKER_ID: description.id, AWS_USE_DUALSTACK_ENDPOINT: 'true' }),
    BROKER_SECRET_ID: broker.secretArn,
    BROKER_VHOST: settings.vhost,
    CONTROL_EXCHANGE: settings.controlExchange,
    RPC_TIMEOUT_SECONDS: String(settings.rpcTimeoutSeconds),
    NO_CONSUMER_GRACE_SECONDS: String(settings.noConsumerGraceSeconds),
    ...(settings.guestKeySecretPrefix && { GUEST_KEY_SECRET_PREFIX: settings.guestKeySecretPrefix }),
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManagerUrl,
  };
}
