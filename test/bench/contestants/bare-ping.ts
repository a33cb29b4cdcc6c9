import type { Channel } from 'amqplib';
import { newCall, type PingEvent } from './bare-call.ts';

// The limit: the least that a ping on amqplib must do. The request is published without a confirm. There is no
// diagnosis, no reconnection and no log.
//
// With `DUTIES` there are also the duties of every ping, each in the shortest way: the timers (confirm, silent guest,
// deadline), and with `DUTIES=ping` the log line with its metrics, with `DUTIES=sweep` the publisher confirm.

const { DUTIES } = process.env;

const TIMERS_MS = [1000, 250, 15_000];

export async function ping(
  channel: Channel,
  { pathParameters: { instance_id } }: PingEvent,
): Promise<object> {
  const { body, result: answered } = newCall();
  channel.publish('trove', `guestagent.${instance_id}`, body, {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    headers: {},
    deliveryMode: 2,
    priority: 0,
    expiration: '15000',
    mandatory: true,
  });
  const timers = DUTIES ? TIMERS_MS.map((ms) => setTimeout(() => undefined, ms)) : [];
  const begin = performance.now();
  const result = await answered;
  timers.forEach(clearTimeout);
  if (DUTIES === 'ping') process.stdout.write(`${logLine(instance_id, performance.now() - begin)}\n`);
  return { statusCode: result === null ? 400 : 204 };
}

function logLine(instance_id: string, RoundTripTime: number): string {
  const Metrics = [
    { Name: 'GuestsReachable', Unit: 'Count' },
    { Name: 'RoundTripTime', Unit: 'Milliseconds' },
  ];
  const directive = { Namespace: 'BareAmqplib', Dimensions: [['service']], Metrics };
  return JSON.stringify({
    level: 'INFO',
    message: 'rpc_ping',
    timestamp: new Date().toISOString(),
    service: 'rpc-ping',
    request_id: 'req-00000000-0000-4000-8000-000000000000',
    tenant_id: 'tenant',
    instance_id,
    outcome: 'reachable',
    _aws: { Timestamp: Date.now(), CloudWatchMetrics: [directive] },
    GuestsReachable: 1,
    RoundTripTime,
  });
}
