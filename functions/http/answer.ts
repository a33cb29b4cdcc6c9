import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { PingResult, Reachable, Unreachable } from '../guest/ping-result.ts';
import { REASONS } from '../guest/reason.ts';
import { guestFault } from './fault.ts';

/** How long the caller wanted to wait, where the caller said so, and how long the ping was allowed to take. */
export interface Wait {
  readonly wantedSeconds: number | undefined;
  readonly allowedMs: number;
}

/** The answer to a ping: 204 for a pong. @throws Fault 400 for all else */
export function answer(result: PingResult, wait: Wait): APIGatewayProxyStructuredResultV2 {
  const headers = preferenceApplied(wait);
  if (!result.reachable) throw guestFault(result.cause, { ...headers, ...proxyStatus(result) });
  return {
    statusCode: 204,
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': '0',
      ...headers,
      ...severalAgents(result),
    },
  };
}

/** The wait that was applied (RFC 7240); left out unless that is in whole seconds. */
function preferenceApplied({ wantedSeconds, allowedMs }: Wait): Record<string, string> {
  if (wantedSeconds === undefined || allowedMs % 1000 !== 0) return {};
  return { 'Preference-Applied': `wait=${allowedMs / 1000}` };
}

/** A word beside a pong that only a second ping brought (RFC 9209): a guest has one agent. */
function severalAgents({ consumers }: Reachable): Record<string, string> {
  if (consumers === undefined) return {};
  const details = `${consumers} consumers: more than one agent consumes this guest's queue`;
  return { 'Proxy-Status': `guest-rpc-ping; details="${details}"` };
}

/** Why there is no pong, in the words of RFC 9209; `details` is our reason. */
function proxyStatus(result: Unreachable): Record<string, string> {
  const error =
    result.reason === 'broker_unreachable' ? result.proxyError : REASONS[result.reason].proxyError;
  return { 'Proxy-Status': `guest-rpc-ping; error=${error}; details="${result.reason}"` };
}
