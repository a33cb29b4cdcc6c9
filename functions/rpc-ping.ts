import middy from '@middy/core';
import httpErrorHandler from '@middy/http-error-handler';
import type { APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type { CallerContext } from './admit-caller.ts';
import { BrokerUnknown } from './broker/amazon-mq.ts';
import { MalformedCredentials } from './broker/credentials.ts';
import { InvalidConfig } from './config.ts';
import { beginEnvironment } from './environment.ts';
import type { PingResult, Unreachable } from './guest/ping.ts';
import { REASONS } from './guest/reason.ts';
import { Fault, guestFault, instanceFault } from './http/fault.ts';
import { type GatewayEvent, readRequest } from './http/request.ts';
import { pingGuest } from './ping-guest.ts';
import { KeyFileUnreadable } from './secrets/key-file.ts';
import { SecretUnavailable } from './secrets/secrets-manager.ts';
import { log, recordPing } from './telemetry/ping-telemetry.ts';

/** What is kept of an invocation's time to write the answer, in milliseconds. */
const ANSWER_MARGIN_MS = 500;

const environment = beginEnvironment(process.env);

/** `GET /v1.0/{tenant_id}/mgmt/instances/{instance_id}/rpc_ping`: 204 when the guest answers, else 400. */
export const handler = middy(ping, { timeoutEarlyInMillis: ANSWER_MARGIN_MS / 2, timeoutEarlyResponse })
  .use(httpErrorHandler({ logger: false }))
  .onError(answerAsFault);

// Before anything else is looked at. Loaded only where it is needed.
if (!(environment instanceof InvalidConfig) && environment.config.keystone !== undefined) {
  const { keystone } = environment.config;
  const admission = import('./admit-caller.ts').then(({ admitCaller }) => admitCaller(keystone));
  handler.before(async (request) => (await admission)(request));
}

async function ping(event: GatewayEvent, lambda: CallerContext): Promise<APIGatewayProxyStructuredResultV2> {
  const { waitSeconds, ...request } = readRequest(event);
  if (environment instanceof InvalidConfig) throw environment;
  const context = { ...request, requestId: requestId(lambda) };
  const timeLeftMs = lambda.getRemainingTimeInMillis() - ANSWER_MARGIN_MS;
  if (timeLeftMs <= 0) throw instanceFault('The invocation has no time for a ping.');
  const wantedMs = (waitSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  const timeoutMs = Math.min(environment.config.rpcTimeoutMs, wantedMs, timeLeftMs);
  const result = await pingGuest(environment, context, timeoutMs);
  recordPing(context, result, lambda.caller);

  const headers = { ...preferenceApplied(waitSeconds, timeoutMs), ...serverTiming(result) };
  if (!result.reachable) throw guestFault(result.cause, { ...headers, ...proxyStatus(result) });
  return {
    statusCode: 204,
    headers: { 'Content-Type': 'application/json', 'Content-Length': '0', ...headers },
  };
}

/** The wait that was applied, where the caller asked for one, and RFC 7240 has a word for it: whole seconds. */
function preferenceApplied(waitSeconds: number | undefined, timeoutMs: number): Record<string, string> {
  if (waitSeconds === undefined || timeoutMs % 1000 !== 0) return {};
  return { 'Preference-Applied': `wait=${timeoutMs / 1000}` };
}

/** How long the guest took to answer, where it did (W3C Server Timing). */
function serverTiming(result: PingResult): Record<string, string> {
  if (!('roundTripMs' in result) || result.roundTripMs === undefined) return {};
  return { 'Server-Timing': `rpc;dur=${result.roundTripMs.toFixed(1)}` };
}

/** Why there is no pong, in the words of RFC 9209; `details` is our reason. */
function proxyStatus(result: Unreachable): Record<string, string> {
  const error =
    result.reason === 'broker_unreachable' ? result.proxyError : REASONS[result.reason].proxyError;
  return { 'Proxy-Status': `guest-rpc-ping; error=${error}; details="${result.reason}"` };
}

/** Whatever is not an answer already is a fault of ours: told in the log, and to the caller without detail. */
function answerAsFault(request: middy.Request<GatewayEvent>): void {
  const { error, event } = request;
  const path = 'rawPath' in event ? event.rawPath : event.path;
  const outcome = { request_id: requestId(request.context), path };
  if (error instanceof Fault) {
    if (error.statusCode === 404) log.info('rpc_ping', { ...outcome, outcome: 'not_found' });
    if (error.statusCode === 500) log.error('rpc_ping', { ...outcome, outcome: 'error' }, error);
    return;
  }
  log.error('rpc_ping', { ...outcome, outcome: 'error' }, error);
  request.error = instanceFault(
    isDeployersToMend(error) ? error.message : 'The server has erred; its log tells more.',
  );
}

/** These say what to mend, and hold no secret. */
function isDeployersToMend(error: unknown): error is Error {
  return [InvalidConfig, SecretUnavailable, KeyFileUnreadable, MalformedCredentials, BrokerUnknown].some(
    (kind) => error instanceof kind,
  );
}

/** Middy calls it shortly before Lambda would end the invocation without a word of ours. */
function timeoutEarlyResponse(): never {
  throw instanceFault('The function ran out of time before the ping had ended.');
}

/** OpenStack's form of a request id, made of Lambda's. */
function requestId({ awsRequestId }: Pick<Context, 'awsRequestId'>): string {
  return `req-${awsRequestId}`;
}
