import type middy from '@middy/core';
import { type Caller, type CallerContext, callerFields } from '../http/caller.ts';
import type { Fault } from '../http/fault.ts';
import { type GatewayEvent, header, pathOf } from '../http/request.ts';
import { requestId } from '../http/request-id.ts';
import type { KeystoneSettings } from '../settings/config.ts';
import type { Log } from '../telemetry/log.ts';
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

/** What differs between the functions that admit callers. */
export interface Admission {
  readonly log: Log;
  /** The log line's, where a caller is not let in. */
  readonly message: string;
  /** Makes the hops of a request; the context has them from then on. */
  readonly newHops: () => Hops;
  /** The project whose admin the caller must be; undefined: there is none. */
  readonly projectOf: (event: GatewayEvent, token: Token) => string | undefined;
}

/**
 * Middy's middleware before the handler: lets in whom Trove's API would let in, by the token in `X-Auth-Token`, and
 * answers all others as Trove's API does, which is logged with the reason.
 */
export function admitCaller(
  { url, adminRoles }: KeystoneSettings,
  { log, message, newHops, projectOf }: Admission,
) {
  const validator = new TokenValidator(new KeystoneApi(url));
  return async ({ event, context }: middy.Request<GatewayEvent, unknown, Error, CallerContext>) => {
    try {
      const deadline = Deadline.in(context.getRemainingTimeInMillis() - PING_MARGIN_MS);
      context.hops = newHops();
      const token = await validator.validate(header(event, 'x-auth-token'), deadline, context.hops);
      requireAccess(token, projectOf(event, token), adminRoles);
      context.caller = callerOf(token);
    } catch (error) {
      const fault = faultOf(error, url);
      if (fault === undefined) throw error;
      const fields = {
        request_id: requestId(context),
        path: pathOf(event),
        outcome: 'refused',
        reason: Object(error).code,
        ...(error instanceof Forbidden && callerFields(callerOf(error.token))),
        ...context.hops?.fields,
      };
      if (fault.statusCode === 503) log.error(message, fields, error);
      else log.info(message, fields);
      throw fault;
    }
  };
}

function callerOf({ project, userName }: Token): Caller {
  return { projectId: project?.id, projectName: project?.name, userName };
}

/** @returns undefined where the error is none of Keystone's */
function faultOf(error: unknown, keystoneUrl: string): Fault | undefined {
  if (error instanceof Unauthenticated) return unauthenticatedFault(keystoneUrl);
  if (error instanceof Forbidden)
    return error.code === 'not_admin'
      ? notAdminFault(keystoneUrl)
      : foreignProjectFault(error.token.project?.id);
  return error instanceof KeystoneUnavailable ? keystoneFault(error.retryAfter) : undefined;
}
