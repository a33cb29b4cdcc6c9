import middy from '@middy/core';
import httpErrorHandler from '@middy/http-error-handler';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { GuestKeys } from './guest/guest-keys.ts';
import { answer } from './http/answer.ts';
import type { CallerContext } from './http/caller.ts';
import { Fault, instanceFault, troveFault, unexpectedFault } from './http/fault.ts';
import { type GatewayEvent, pathOf, ROUTE, readRequest, tenantOf } from './http/request.ts';
import { commonHeaders, globalRequestId, requestId } from './http/request-id.ts';
import { admitCaller } from './keystone/admit-caller.ts';
import type { Transport } from './oslo/transport.ts';
import type { ExecutionEnvironment } from './runtime/execution-environment.ts';
import { type Pinging, pingGuest } from './runtime/ping-guest.ts';
import { TooManyPings } from './runtime/ping-limit.ts';
import { selfAnswering } from './runtime/self-answering.ts';
import { InvalidConfig } from './settings/variables.ts';
import { Log } from './telemetry/log.ts';
import { log as functionLog, recordPing } from './telemetry/ping-telemetry.ts';
import { Deadline } from './time/deadline.ts';
import { Hops } from './time/hops.ts';

/** What is kept of an invocation's time to write the answer, in milliseconds. */
const ANSWER_MARGIN_MS = 500;

/** A healthy guest may need so long where the connection has to be made, in milliseconds: less is no time to call it silent. */
const MIN_PING_MS = 250;

/** So long before Lambda would end the invocation it is answered 500, whatever it is doing. */
const LAST_MARGIN_MS = ANSWER_MARGIN_MS / 2;

/** How long the rehearsal of a ping may take, in milliseconds: as long as init waits for the connection. */
const REHEARSAL_MS = 1000;

const NIL_UUID = '00000000-0000-0000-0000-000000000000';

void process.stdout; // Node makes this stream when it is first asked for: here, while the login is waited for

/** What speaks AMQP loads with the handler: see `rpc-ping.ts`. */
export { openConnection } from './broker/handshake.ts';
export { openTransport } from './oslo/transport.ts';

/** What of an execution environment answers pings. */
export interface PingEnvironment extends Pinging, Pick<ExecutionEnvironment, 'initHops'> {}

/** `GET /v1.0/{tenant_id}/mgmt/instances/{instance_id}/rpc_ping`: 204 when the guest answers, else 400. */
export function pingHandler(environment: PingEnvironment | InvalidConfig, log = functionLog) {
  /** Until the first answer has them. */
  let initHops = environment instanceof InvalidConfig ? undefined : environment.initHops;
  /** Those of a request: of the first one, with init's. */
  const newHops = () => {
    const hops = new Hops();
    if (initHops !== undefined) hops.append(initHops);
    initHops = undefined;
    return hops;
  };
  const answerPing = (event: GatewayEvent, lambda: CallerContext) =>
    ping(environment, event, lambda, newHops, log);
  const handler = middy(answerPing, { timeoutEarlyInMillis: LAST_MARGIN_MS, timeoutEarlyResponse })
    .use(httpErrorHandler({ logger: false }))
    .onError((request) => answerAsFault(request, log));
  // Before anything else is looked at.
  if (!(environment instanceof InvalidConfig) && environment.config.keystone !== undefined)
    handler.before(
      admitCaller(environment.config.keystone, { log, message: 'rpc_ping', newHops, projectOf: tenantOf }),
    );
  return handler;
}

/**
 * Pings a guest that cannot exist, by a request that answers itself. V8 compiles a function when it is first called: here on
 * a whole processor, in an invocation on the share that the function's memory buys. The log does not have this ping, and no
 * key is looked up.
 *
 * @param transport that takes requests, before the connection is open
 */
export async function rehearse({ config }: ExecutionEnvironment, transport: Transport): Promise<void> {
  const handler = pingHandler(
    {
      config: { ...config, keystone: undefined },
      broker: selfAnswering(transport),
      keys: config.guestKeys && new GuestKeys(async () => 'rehearsal'),
      initHops: new Hops(),
    },
    new Log('rpc-ping', () => undefined),
  );
  const event = {
    routeKey: `${ROUTE.method} ${ROUTE.path}`,
    rawPath: ROUTE.path,
    headers: {},
    pathParameters: { tenant_id: '', instance_id: NIL_UUID },
  };
  await handler(event, rehearsalContext()).catch(() => undefined);
}

function rehearsalContext(): CallerContext {
  const deadline = Deadline.in(REHEARSAL_MS + ANSWER_MARGIN_MS);
  const noOp = () => undefined;
  return {
    awsRequestId: NIL_UUID,
    getRemainingTimeInMillis: () => deadline.leftMs,
    callbackWaitsForEmptyEventLoop: false,
    functionName: '',
    functionVersion: '',
    invokedFunctionArn: '',
    memoryLimitInMB: '',
    logGroupName: '',
    logStreamName: '',
    done: noOp,
    fail: noOp,
    succeed: noOp,
  };
}

/** @param results is the log of the result */
async function ping(
  environment: Pinging | InvalidConfig,
  event: GatewayEvent,
  lambda: Pick<CallerContext, 'awsRequestId' | 'getRemainingTimeInMillis' | 'caller' | 'hops'>,
  newHops: () => Hops,
  results: Log,
): Promise<APIGatewayProxyStructuredResultV2> {
  const { tenantId, instanceId, waitSeconds } = readRequest(event);
  if (environment instanceof InvalidConfig) throw environment;
  const context = {
    tenantId,
    instanceId,
    requestId: requestId(lambda),
    globalRequestId: globalRequestId(event),
  };
  const timeLeftMs = lambda.getRemainingTimeInMillis() - ANSWER_MARGIN_MS;
  if (timeLeftMs < MIN_PING_MS) throw instanceFault('The invocation has too little time left for a ping.');
  const wantedMs = (waitSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  const allowedMs = Math.min(environment.config.rpcTimeoutMs, wantedMs, timeLeftMs);
  lambda.hops ??= newHops();
  const { hops } = lambda;
  const result = await pingGuest(environment, context, Deadline.in(allowedMs), hops);
  // A process that was frozen past its deadline has waited for nobody: it cannot say that the guest was silent.
  if (!result.reachable && lambda.getRemainingTimeInMillis() < LAST_MARGIN_MS) timeoutEarlyResponse();
  recordPing(results, context, result, hops, lambda.caller);
  const { statusCode, headers } = answer(result, { wantedSeconds: waitSeconds, allowedMs });
  return { statusCode, headers: { ...headers, ...commonHeaders(lambda) } };
}

/** What is not an answer already is a fault of ours: the log has all of it, the caller no detail. */
function answerAsFault(request: middy.Request<GatewayEvent, unknown, Error, CallerContext>, log: Log): void {
  const { error, event, context } = request;
  const outcome = { request_id: requestId(context), path: pathOf(event), ...context.hops?.fields };
  const fault = faultOf(error, requestId(context));
  if (error instanceof TooManyPings)
    log.info('rpc_ping', { ...outcome, outcome: 'refused', reason: error.code });
  if (fault.statusCode === 404) log.info('rpc_ping', { ...outcome, outcome: 'not_found' });
  if (fault.statusCode === 500) log.error('rpc_ping', { ...outcome, outcome: 'error' }, error);
  request.error = fault.with(commonHeaders(context));
}

function faultOf(error: unknown, id: string): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof TooManyPings)
    return troveFault('serviceUnavailable', error.message, { 'Retry-After': '1' });
  return unexpectedFault(error, id);
}

/** Middy calls this function shortly before Lambda would end the invocation without an answer. */
function timeoutEarlyResponse(): never {
  throw instanceFault('The function ran out of time before the ping had ended.');
}
