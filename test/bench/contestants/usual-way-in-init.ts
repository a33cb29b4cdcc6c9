import middy from '@middy/core';
import httpErrorHandler from '@middy/http-error-handler';
import { connect } from 'amqplib';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { findBroker } from './usual-broker.ts';
import { Session } from './usual-session.ts';
import { recordPing } from './usual-telemetry.ts';

// The usual way by who knows how Lambda shares out its processors: the secret is read and the connection opened before
// the module has loaded, and both are kept.

const session = await Session.open(await connect(await findBroker(), { noDelay: true }));

export const handler = middy(ping).use(httpErrorHandler());

async function ping(event: APIGatewayProxyEventV2, { awsRequestId }: Context): Promise<object> {
  const { instance_id: instanceId = '', tenant_id: tenantId } = event.pathParameters ?? {};
  const begin = performance.now();
  await session.call(instanceId, { project_id: tenantId, is_admin: true, request_id: `req-${awsRequestId}` });
  recordPing(instanceId, performance.now() - begin);
  return { statusCode: 204 };
}
