import { DescribeBrokerCommand, MqClient } from '@aws-sdk/client-mq';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

const { BROKER_ENDPOINT, BROKER_ID, BROKER_SECRET_ID, BROKER_VHOST = '/' } = process.env;

const secretsManager = new SecretsManagerClient({});
const amazonMq = new MqClient({});

/** Finds the broker and its credentials with the SDK's clients, as most functions do. @returns the broker's URL */
export async function findBroker(): Promise<string> {
  const [endpoint, secret] = await Promise.all([
    BROKER_ENDPOINT ?? describeEndpoint(),
    secretsManager.send(new GetSecretValueCommand({ SecretId: BROKER_SECRET_ID })),
  ]);
  const { username, password } = JSON.parse(secret.SecretString ?? '{}');
  const url = new URL(endpoint);
  const login = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
  return `${url.protocol}//${login}@${url.host}/${encodeURIComponent(BROKER_VHOST)}`;
}

async function describeEndpoint(): Promise<string> {
  const { BrokerInstances: [instance] = [] } = await amazonMq.send(
    new DescribeBrokerCommand({ BrokerId: BROKER_ID }),
  );
  return instance?.Endpoints?.find((endpoint) => endpoint.startsWith('amqps:')) ?? '';
}
