import { hash } from 'node:crypto';
import middy from '@middy/core';
import httpErrorHandler from '@middy/http-error-handler';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { type FleetState, MalformedState, parseFleetState } from './changes/fleet-state.ts';
import { fleetJson } from './exposition/fleet-json.ts';
import { type FleetStatus, fleetStatus, type GuestStatus, NothingKnown } from './exposition/fleet-status.ts';
import { pingTargets } from './exposition/http-sd.ts';
import { metricsText } from './exposition/metrics-text.ts';
import { acceptsGzip, preferredType } from './http/accept.ts';
import { type CallerContext, callerFields } from './http/caller.ts';
import { Fault, instanceNotFound, troveFault, unexpectedFault } from './http/fault.ts';
import { baseUrlOf, type FleetRequest, readFleetRequest } from './http/fleet-request.ts';
import { type Body, BodyTooLarge, bodyOf } from './http/large-body.ts';
import { type GatewayEvent, header, pathOf } from './http/request.ts';
import { commonHeaders, requestId } from './http/request-id.ts';
import { admitCaller } from './keystone/admit-caller.ts';
import type { Token } from './keystone/token.ts';
import { readKeystone } from './settings/config.ts';
import { readPageSettings } from './settings/state-settings.ts';
import { InvalidConfig, orInvalidConfig } from './settings/variables.ts';
import { openStateStore } from './store/state-location.ts';
import { StateUnavailable } from './store/state-store.ts';
import { Log } from './telemetry/log.ts';
import { Deadline } from './time/deadline.ts';
import { Hops } from './time/hops.ts';

/** Time of an invocation that is left to make the answer, in milliseconds. */
const ANSWER_MARGIN_MS = 5000;

/** What a caller can choose by `Accept`; the first one by default. */
const TYPES = ['application/json', 'text/plain', 'application/openmetrics-text'] as const;

const CONTENT_TYPE = {
  'application/json': 'application/json; charset=UTF-8',
  'text/plain': 'text/plain; version=0.0.4; charset=utf-8',
  'application/openmetrics-text': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

const log = new Log('fleet');
const environment = orInvalidConfig(() => {
  const { location, rateMs } = readPageSettings(process.env);
  return { store: openStateStore(location), rateMs, keystone: readKeystone(process.env) };
});

/** The state that was read last, and the body that was made last. Most scrapes find that no sweep has ended since. */
let known: { readonly version: string; readonly state: FleetState } | undefined;
let made: { readonly key: string; readonly body: Body } | undefined;

/** `GET /fleet`, `/fleet/{instance_id}` and `/fleet/targets`: what the last sweep found, for monitoring systems. */
export const handler = middy(answerFleet)
  .use(httpErrorHandler({ logger: false }))
  .onError(answerAsFault);

if (!(environment instanceof InvalidConfig) && environment.keystone !== undefined) {
  const admission = { log, message: 'fleet', newHops: () => new Hops() };
  // An admin of any project, since the fleet is that of all projects.
  const projectOf = (_event: GatewayEvent, { project }: Token) => project?.id;
  handler.before(readBearer).before(admitCaller(environment.keystone, { ...admission, projectOf }));
}

/** Prometheus before 2.55 can send no header of one's choice, but a token as `Authorization: Bearer …`. */
function readBearer({ event }: { readonly event: GatewayEvent }): void {
  const [, token] = /^Bearer +(\S+)$/i.exec(header(event, 'authorization') ?? '') ?? [];
  if (token !== undefined && header(event, 'x-auth-token') === undefined)
    event.headers = { ...event.headers, 'x-auth-token': token };
}

async function answerFleet(
  event: GatewayEvent,
  lambda: CallerContext,
): Promise<APIGatewayProxyStructuredResultV2> {
  const request = readFleetRequest(event);
  const { version, status } = await readStatus(lambda);
  const page = pageOf(status, request);
  const pingsAt = { url: baseUrlOf(event), projectId: lambda.caller?.projectId };
  const type = request.isForTargets ? TYPES[0] : preferredType(header(event, 'accept'), TYPES);
  const shown = [version, status.isStale, status.mutes, page.guests === undefined, type, request];
  const content = JSON.stringify(request.isForTargets ? [...shown, pingsAt] : shown);
  const etag = `W/"${hash('sha256', content, 'base64url')}"`; // weak, since it can be compressed or not
  const headers = {
    ETag: etag,
    'Cache-Control': 'private, no-cache',
    Vary: 'Accept, Accept-Encoding',
    ...(page.next && { Link: `<?${new URLSearchParams(page.next)}>; rel="next"` }),
    ...commonHeaders(lambda),
  };
  const fields = { request_id: requestId(lambda), path: pathOf(event), type, ...ofCaller(lambda) };
  const held = header(event, 'if-none-match');
  // A weak one is as good as a strong one here (RFC 9110).
  if (held === '*' || held?.includes(etag.slice(2))) {
    log.info('fleet', { ...fields, outcome: 'not_modified' });
    return { statusCode: 304, headers };
  }
  const isCompressed = acceptsGzip(header(event, 'accept-encoding'));
  const key = `${etag}${isCompressed}`;
  const partsOf = () => {
    if (request.isForTargets) return pingTargets(page.guests ?? [], pingsAt);
    if (type === 'application/json') return fleetJson(status, page.guests);
    return metricsText(status, page.guests, type === 'text/plain' ? 'prometheus' : 'openmetrics');
  };
  const body = made?.key === key ? made.body : await bodyOf(partsOf(), isCompressed);
  made = { key, body };
  log.info('fleet', { ...fields, outcome: 'ok', guests: page.guests?.length, bytes: body.body.length });
  const encoding = isCompressed ? { 'Content-Encoding': 'gzip' } : {};
  return {
    statusCode: 200,
    headers: { 'Content-Type': CONTENT_TYPE[type], ...encoding, ...headers },
    ...body,
  };
}

/** @throws NothingKnown, StateUnavailable, MalformedState */
async function readStatus(lambda: CallerContext) {
  if (environment instanceof InvalidConfig) throw environment;
  const { store, rateMs } = environment;
  const stored = await store.read(Deadline.in(lambda.getRemainingTimeInMillis() - ANSWER_MARGIN_MS));
  if (stored === undefined) throw new NothingKnown('No sweep has been saved yet');
  const { version, text } = stored;
  if (known?.version !== version) {
    known = made = undefined; // there is no memory for two states of a large fleet
    known = { version, state: parseFleetState(text) };
  }
  return { version, status: fleetStatus(known.state, Date.now(), rateMs) };
}

/**
 * @returns `guests` undefined: they are not known; `next`: the query of the page after this one, unless this is the last one
 * @throws Fault 404, NothingKnown
 */
function pageOf({ guests }: FleetStatus, { instanceId, isForTargets, limit, marker }: FleetRequest) {
  if (guests === undefined) {
    if (instanceId === undefined && !isForTargets) return { guests, next: undefined };
    throw new NothingKnown('No sweep has reached the broker for long');
  }
  const isMeant = ({ instance_id: id }: GuestStatus) =>
    instanceId === undefined ? marker === undefined || id > marker : id === instanceId;
  const meant = guests.filter(isMeant);
  if (instanceId !== undefined && meant.length === 0) throw instanceNotFound(instanceId);
  const page = meant.slice(0, limit);
  const last = page.length < meant.length ? page.at(-1) : undefined;
  return { guests: page, next: last && { limit: String(limit), marker: last.instance_id } };
}

function ofCaller({ caller, hops }: CallerContext): object {
  return { ...(caller && callerFields(caller)), ...hops?.fields };
}

/** What is not an answer already is logged with its cause. */
function answerAsFault(request: middy.Request<GatewayEvent, unknown, Error, CallerContext>): void {
  const { error, event, context } = request;
  const fault = faultOf(error, requestId(context));
  const fields = { request_id: requestId(context), path: pathOf(event), ...ofCaller(context) };
  if (fault.statusCode >= 500 && error !== fault) log.error('fleet', { ...fields, outcome: 'error' }, error);
  if ([400, 404].includes(fault.statusCode))
    log.info('fleet', { ...fields, outcome: 'refused', answer: fault.message });
  request.error = fault.with(commonHeaders(context));
}

function faultOf(error: unknown, id: string): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof NothingKnown || error instanceof StateUnavailable || error instanceof MalformedState)
    return troveFault('serviceUnavailable', `The state of the fleet is not known. ${error.message}.`, {
      'Retry-After': '60',
    });
  if (error instanceof BodyTooLarge)
    return troveFault(
      'badRequest',
      'The answer is larger than 6 MiB: accept gzip, or ask for pages, ?limit=10000.',
    );
  return unexpectedFault(error, id);
}
