import type { PingResult, Reachable, Unreachable } from '../guest/ping-result.ts';
import type { PingContext } from '../guest/request-context.ts';
import { type Caller, callerFields } from '../http/caller.ts';
import type { Hops } from '../time/hops.ts';
import { embedded, embedding } from './embedded-metrics.ts';
import { Log } from './log.ts';
import { unreachableFields } from './unreachable-fields.ts';

/** The log of the function that answers pings; `rpc-ping` is the metrics' dimension `service`. */
export const log = new Log('rpc-ping');

/** One log line for one ping, with the metrics in it. The instance is a property, never a dimension of a metric. */
export function recordPing(
  results: Log,
  { instanceId, tenantId, requestId, globalRequestId }: PingContext,
  result: PingResult,
  hops: Hops,
  caller?: Caller,
): void {
  const roundTripMs = 'roundTripMs' in result ? result.roundTripMs : undefined;
  const { hops: ms, stopped_at } = hops.fields;
  results.info('rpc_ping', {
    request_id: requestId,
    global_request_id: globalRequestId,
    tenant_id: tenantId,
    instance_id: instanceId,
    ...(caller && callerFields(caller)),
    outcome: result.reachable ? 'reachable' : 'unreachable',
    round_trip_ms: roundTripMs,
    hops: ms,
    stopped_at,
    ...(result.reachable ? reachableFields(result) : unreachable(result, roundTripMs)),
  });
}

const embedReachable = embedding(['GuestsReachable', 'RoundTripTime']);

/** `encrypted` and `consumers` are there only where they are worth a look. */
function reachableFields({ roundTripMs, encrypted, consumers }: Reachable): object {
  const metrics = { GuestsReachable: 1, RoundTripTime: roundTripMs };
  if (encrypted === undefined && consumers === undefined) return embedReachable(metrics);
  const unencrypted = encrypted === false ? { GuestsUnencrypted: 1 } : {};
  return { encrypted, consumers, ...embedded({ ...metrics, ...unencrypted }) };
}

function unreachable(result: Unreachable, roundTripMs: number | undefined): object {
  const time = roundTripMs === undefined ? {} : { RoundTripTime: roundTripMs };
  const metrics = embedded({ GuestsUnreachable: 1, ...time }, [['service'], ['service', 'Reason']]);
  return { ...unreachableFields(result), ...metrics, Reason: result.reason };
}
