import { randomUUID } from 'node:crypto';
import { type Channel, connect } from 'amqplib';

// The limit: the least that a ping on amqplib must do. The request is published without a confirm, the call is found by
// the reply's _msg_id, and the result is checked. There is no diagnosis, no reconnection and no log.
//
// With `DUTIES` there are also the duties of every ping, each in the shortest way: the timers (confirm, silent guest,
// deadline), and with `DUTIES=ping` the log line with its metrics, with `DUTIES=sweep` the publisher confirm.

const { ENCRYPTED_CONTEXT, DUTIES } = process.env;

const CLEAR_CONTEXT =
  '"_context_user":null,"_context_project_id":"tenant","_context_is_admin":true,"_context_read_only":true,"_context_auth_token":null,"_context_request_id":"req-00000000-0000-4000-8000-000000000000","_context_roles":["admin"],"_context_limit":null,"_context_marker":null,"_context_service_catalog":null';
const CONTEXT = ENCRYPTED_CONTEXT ? `"_context_context":"${ENCRYPTED_CONTEXT}"` : CLEAR_CONTEXT;

const TIMERS_MS = [1000, 250, 15_000];
const replyQueue = `reply_${hexId()}`;
const waiting = new Map<string, (result: unknown) => void>();

/** Connects, and consumes a reply queue. */
export async function open(brokerUrl: string): Promise<Channel> {
  const connection = await connect(brokerUrl, { noDelay: true });
  const channel = await (DUTIES === 'sweep' ? connection.createConfirmChannel() : connection.createChannel());
  await channel.assertQueue(replyQueue, { exclusive: true });
  await channel.consume(replyQueue, (reply) => reply && settle(reply.content), { noAck: true });
  return channel;
}

function settle(content: Buffer): void {
  const { _msg_id: msgId, result } = JSON.parse(JSON.parse(content.toString())['oslo.message']);
  waiting.get(msgId)?.(result);
  waiting.delete(msgId);
}

/** The fields of API Gateway's event that the handlers read. */
export interface PingEvent {
  readonly pathParameters: { readonly instance_id: string };
}

export async function ping(
  channel: Channel,
  { pathParameters: { instance_id } }: PingEvent,
): Promise<object> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const msgId = hexId();
  waiting.set(msgId, resolve);
  const message = `{"method":"rpc_ping","args":{},"version":"1.0","_msg_id":"${msgId}","_reply_q":"${replyQueue}","_timeout":null,"_unique_id":"${hexId()}",${CONTEXT}}`;
  const body = JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': message });
  channel.publish('trove', `guestagent.${instance_id}`, Buffer.from(body), {
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
  const result = await promise;
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

function hexId(): string {
  return randomUUID().replaceAll('-', '');
}
