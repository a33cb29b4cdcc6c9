import { randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { DescribeBrokerCommand, MqClient } from '@aws-sdk/client-mq';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import middy from '@middy/core';
import httpErrorHandler from '@middy/http-error-handler';
import { type ChannelModel, connect } from 'amqplib';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';

// The same function, written the usual way: AWS's clients are imported and made at the top, their answers are kept from
// invocation to invocation, and each invocation opens and closes a connection to the broker.

const { BROKER_URL, BROKER_ENDPOINT, BROKER_ID, BROKER_SECRET_ID, BROKER_VHOST = '/' } = process.env;
const TIMEOUT_MS = 15_000;

const logger = new Logger({ serviceName: 'usual-way' });
const metrics = new Metrics({ namespace: 'UsualWay', serviceName: 'usual-way' });
const secretsManager = new SecretsManagerClient({});
const amazonMq = new MqClient({});
let brokerUrl: Promise<string> | undefined;

export const handler = middy(ping).use(httpErrorHandler());

async function ping(event: APIGatewayProxyEventV2, { awsRequestId }: Context): Promise<object> {
  const { instance_id: instanceId = '', tenant_id: tenantId } = event.pathParameters ?? {};
  brokerUrl ??= BROKER_URL ? Promise.resolve(BROKER_URL) : findBroker();
  const connection = await connect(await brokerUrl, { noDelay: true });
  try {
    const begin = performance.now();
    await call(connection, instanceId, {
      project_id: tenantId,
      is_admin: true,
      request_id: `req-${awsRequestId}`,
    });
    logger.info('rpc_ping', { instance_id: instanceId, outcome: 'reachable' });
    metrics.addMetric('RoundTripTime', MetricUnit.Milliseconds, performance.now() - begin);
    metrics.publishStoredMetrics();
    return { statusCode: 204 };
  } finally {
    await connection.close();
  }
}

async function findBroker(): Promise<string> {
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

/** An RPC of oslo.messaging: publishes the request to the guest's topic, and awaits the reply on a queue of its own. */
async function call(connection: ChannelModel, instanceId: string, context: object): Promise<void> {
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue(`reply_${hexId()}`, { exclusive: true, autoDelete: true });
  const msgId = hexId();
  const { promise: replied, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error('Timed out')), TIMEOUT_MS);
  await channel.consume(
    queue,
    (message) => {
      const reply = JSON.parse(JSON.parse(String(message?.content))['oslo.message']);
      if (reply._msg_id === msgId && reply.result === true) resolve();
      else reject(new Error('No pong'));
    },
    { noAck: true },
  );
  channel.on('return', () => reject(new Error('No such guest')));
  const flattened = Object.fromEntries(
    Object.entries(context).map(([key, value]) => [`_context_${key}`, value]),
  );
  const message = {
    method: 'rpc_ping',
    args: {},
    version: '1.0',
    _msg_id: msgId,
    _reply_q: queue,
    _timeout: null,
    _unique_id: hexId(),
    ...flattened,
  };
  const body = { 'oslo.version': '2.0', 'oslo.message': JSON.stringify(message) };
  channel.publish('trove', `guestagent.${instanceId}`, Buffer.from(JSON.stringify(body)), {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    headers: {},
    expiration: TIMEOUT_MS,
    mandatory: true,
  });
  try {
    await replied;
  } finally {
    clearTimeout(timer);
  }
}

function hexId(): string {
  return randomUUID().replaceAll('-', '');
}
