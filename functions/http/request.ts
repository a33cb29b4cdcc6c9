import type { APIGatewayProxyEvent, APIGatewayProxyEventV2 } from 'aws-lambda';
import { INSTANCE_ID } from '../guest/topic.ts';
import { instanceNotFound, routeNotFound } from './fault.ts';
import { preferredWait } from './prefer.ts';

/** The route as API Gateway writes it, in HTTP APIs and REST APIs alike. */
export const ROUTE = {
  method: 'GET',
  path: '/v1.0/{tenant_id}/mgmt/instances/{instance_id}/rpc_ping',
} as const;

const ROUTE_KEY = `${ROUTE.method} ${ROUTE.path}`;

/** What is read of API Gateway's event: of an HTTP API (payload 2.0) or of a REST API (payload 1.0). */
export type GatewayEvent =
  | Pick<
      APIGatewayProxyEventV2,
      'routeKey' | 'rawPath' | 'headers' | 'pathParameters' | 'queryStringParameters'
    >
  | (Pick<
      APIGatewayProxyEvent,
      'httpMethod' | 'resource' | 'path' | 'headers' | 'multiValueHeaders' | 'pathParameters'
    > &
      Partial<Pick<APIGatewayProxyEvent, 'queryStringParameters'>>);

/**
 * Reads the event of one request: which instance the caller asks about. API Gateway has matched the route already; what API Gateway passes on as another
 * route (`$default`, `{proxy+}`) is not found.
 *
 * @throws Fault 404
 */
export function readRequest(event: GatewayEvent) {
  const route = 'routeKey' in event ? event.routeKey : `${event.httpMethod} ${event.resource}`;
  if (route !== ROUTE_KEY) throw routeNotFound();
  const { tenant_id: tenantId = '', instance_id: instanceId = '' } = event.pathParameters ?? {};
  if (!INSTANCE_ID.test(instanceId)) throw instanceNotFound(instanceId);
  const waitSeconds = preferredWait(header(event, 'prefer')); // at most; undefined where the caller does not say
  return { tenantId, instanceId, waitSeconds };
}

/** The tenant that any path of Trove's API names, also one that leads nowhere; undefined where there is none. */
export function tenantOf(event: GatewayEvent): string | undefined {
  return event.pathParameters?.['tenant_id'] ?? /^\/v1\.0\/([^/]+)\//.exec(pathOf(event) ?? '')?.[1];
}

/** The path as the caller wrote it; undefined where the event is none of API Gateway's. */
export function pathOf(event: GatewayEvent): string | undefined {
  const { rawPath, path } = Object(event);
  return rawPath ?? path;
}

/** HTTP APIs give header names in lower case, REST APIs as the caller wrote them. */
export function header(event: GatewayEvent, name: string): string | undefined {
  const { headers } = event;
  if ('routeKey' in event) return headers?.[name];
  const all = { ...headers, ...event.multiValueHeaders };
  const entry = Object.entries(all).find(([key]) => key.toLowerCase() === name);
  return entry?.[1]?.toString(); // several values are joined by commas
}
