import { INSTANCE_ID } from '../guest/topic.ts';
import { instanceNotFound, routeNotFound, troveFault } from './fault.ts';
import { type GatewayEvent, header, pathOf } from './request.ts';

/** The routes of the fleet as API Gateway writes them, each with GET. */
export const FLEET_ROUTES = {
  fleet: '/fleet',
  targets: '/fleet/targets',
  guest: '/fleet/{instance_id}',
} as const;

export type FleetRequest = Readonly<ReturnType<typeof readFleetRequest>>;

/** Reads what a caller wants to know of the fleet. @throws Fault 400 or 404 */
export function readFleetRequest(event: GatewayEvent) {
  const route = 'routeKey' in event ? event.routeKey : `${event.httpMethod} ${event.resource}`;
  const [name] = Object.entries(FLEET_ROUTES).find(([, path]) => route === `GET ${path}`) ?? [];
  if (name === undefined) throw routeNotFound();
  const instanceId = name === 'guest' ? (event.pathParameters?.['instance_id'] ?? '') : undefined;
  if (instanceId !== undefined && !INSTANCE_ID.test(instanceId)) throw instanceNotFound(instanceId);
  const { limit, marker } = event.queryStringParameters ?? {};
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit))
    throw troveFault('badRequest', 'limit is not a whole number above 0.');
  if (marker !== undefined && !INSTANCE_ID.test(marker))
    throw troveFault('badRequest', 'marker is not the id of an instance.');
  return {
    /** The targets of Prometheus' http_sd, instead of the guests' health. */
    isForTargets: name === 'targets',
    /** Of this guest alone. */
    instanceId,
    /** Of so many guests at most, from the one on that follows the marker in the order of ids. */
    limit: limit === undefined ? undefined : Number(limit),
    marker,
  };
}

/** The API's URL as the caller wrote it, without a slash at the end, with its stage, or the base path of its domain. */
export function baseUrlOf(event: GatewayEvent): string {
  // Of a REST API, the path of the event lacks the stage; of an HTTP API, `requestContext` has none.
  const { path = pathOf(event) } = Object(Object(event).requestContext);
  const stage = String(path).replace(/\/fleet(?:\/targets|\/[\da-f-]{36})?\/?$/, '');
  return `${header(event, 'x-forwarded-proto') ?? 'http'}://${header(event, 'host') ?? 'localhost'}${stage}`;
}
