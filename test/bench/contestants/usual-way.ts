import middy from '@middy/core';
import httpErrorHandler from '@middy/http-error-handler';
import { connect } from 'amqplib';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { findBroker } from './usual-broker.ts';
import { Session } from './usual-session.ts';
import { recordPing } from './usual-telemetry.ts';

// The same function, written the usual way: AWS's clients are imported and made at the top, their answers are kept from
// invocation to invocation, and each invocation opens and closes a connection to the broker.

const { BROKER_URL } = process.env;
let brokerUrl: Promise<string> | undefined;

export const handler = middy(ping).use(httpErrorHandler());

async function ping(event: APIGatewayProxyEventV2, { awsRequestId }: Context): Promise<object> {
  const { instance_id: instanceId = '', tenant_id: tenantId } = event.pathParameters ?? {};
  brokerUrl ??= BROKER_URL ? Promise.resolve(BROKER_URL) : findBroker();
  const connection = await connect(await brokerUrl, { noDelay: true });
  try {
    const session = await Session.open(connection);
    const begin = performance.now();
    await session.call(instanceId, {
      project_id: tenantId,
      is_admin: true,
      request_id: `req-${awsRequestId}`,
    });
    recordPing(instanceId, performance.now() - begin);
    return { statusCode: 204 };
  } finally {
    await connection.close();
  }
}
