import type middy from '@middy/core';
import { type Caller, type CallerContext, callerFields } from '../http/caller.ts';
import type { Fault } from '../http/fault.ts';
import { type GatewayEvent, header, pathOf, tenantOf } from '../http/request.ts';
import { requestId } from '../http/request-id.ts';
import type { KeystoneSettings } from '../settings/config.ts';
import { log } from '../telemetry/ping-telemetry.ts';
import { Deadline } from '../time/deadline.ts';
import type { Hops } from '../time/hops.ts';
import { requireAccess } from './access.ts';
import { Forbidden, KeystoneUnavailable, Unauthenticated } from './errors.ts';
import { KeystoneApi } from './keystone-api.ts';
import { foreignProjectFault, keystoneFault, notAdminFault, unauthenticatedFault } from './keystone-fault.ts';
import type { Token } from './token.ts';
import { TokenValidator } from './token-validator.ts';

/** What is kept of an invocation's time for the ping and the answer, in milliseconds. */
const PING_MARGIN_MS = 1000;

/**
 * Middy's middleware before the handler: lets in whom Trove's API would let in, by the token in `X-Auth-Token`, and
 * answers all others as Trove's API does.
 *
 * @param newHops makes those of a request, in the context from then on
 */
export function admitCaller({ url, adminRoles }: KeystoneSettings, newHops: () => Hops) {
  const validator = new TokenValidator(new KeystoneApi(url));
  return async ({ event, context }: middy.Request<GatewayEvent, unknown, Error, CallerContext>) => {
    try {
      const deadline = Deadline.in(context.getRemainingTimeInMillis() - PING_MARGIN_MS);
      context.hops = newHops();
      const token = await validator.validate(header(event, 'x-auth-token'), deadline, context.hops);
      requireAccess(token, tenantOf(event), adminRoles);
      context.caller = callerOf(token);
    } catch (error) {
      throw refusal(error, url, event, context);
    }
  };
}

function callerOf({ project, userName }: Token): Caller {
  return { projectName: project?.name, userName };
}

/** Logs why the caller is not let in. @returns the answer, or the error where it is none of Keystone's */
function refusal(error: unknown, keystoneUrl: string, event: GatewayEvent, context: CallerContext): unknown {
  const fault = faultOf(error, keystoneUrl);
  if (fault === undefined) return error;
  const fields = {
    request_id: requestId(context),
    path: pathOf(event),
    outcome: 'refused',
    reason: Object(error).code,
    ...(error instanceof Forbidden && callerFields(callerOf(error.token))),
    ...context.hops?.fields,
  };
  if (fault.statusCode === 503) log.error('rpc_ping', fields, error);
  else log.info('rpc_ping', fields);
  return fault;
}

function faultOf(error: unknown, keystoneUrl: string): Fault | undefined {
  if (error instanceof Unauthenticated) return unauthenticatedFault(keystoneUrl);
  if (error instanceof Forbidden)
    return error.code === 'not_admin'
      ? notAdminFault(keystoneUrl)
      : foreignProjectFault(error.token.project?.id);
  return error instanceof KeystoneUnavailable ? keystoneFault(error.retryAfter) : undefined;
}
