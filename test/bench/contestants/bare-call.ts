import { randomUUID } from 'node:crypto';

// The least that a call of oslo.messaging must do besides AMQP: the call is found by the reply's _msg_id, and its result checked.

const { ENCRYPTED_CONTEXT } = process.env;

const CLEAR_CONTEXT =
  '"_context_user":null,"_context_project_id":"tenant","_context_is_admin":true,"_context_read_only":true,"_context_auth_token":null,"_context_request_id":"req-00000000-0000-4000-8000-000000000000","_context_roles":["admin"],"_context_limit":null,"_context_marker":null,"_context_service_catalog":null';
const CONTEXT = ENCRYPTED_CONTEXT ? `"_context_context":"${ENCRYPTED_CONTEXT}"` : CLEAR_CONTEXT;

export const replyQueue = `reply_${hexId()}`;

const waiting = new Map<string, (result: unknown) => void>();

/** The fields of API Gateway's event that the handlers read. */
export interface PingEvent {
  readonly pathParameters: { readonly instance_id: string };
}

/** A request's body, and the result that its reply brings to {@link settle}. */
export function newCall(): { readonly body: Buffer; readonly result: Promise<unknown> } {
  const { promise: result, resolve } = Promise.withResolvers<unknown>();
  const msgId = hexId();
  waiting.set(msgId, resolve);
  const message = `{"method":"rpc_ping","args":{},"version":"1.0","_msg_id":"${msgId}","_reply_q":"${replyQueue}","_timeout":null,"_unique_id":"${hexId()}",${CONTEXT}}`;
  return { body: Buffer.from(JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': message })), result };
}

export function settle(reply: Buffer): void {
  const { _msg_id: msgId, result } = JSON.parse(JSON.parse(reply.toString())['oslo.message']);
  waiting.get(msgId)?.(result);
  waiting.delete(msgId);
}

function hexId(): string {
  return randomUUID().replaceAll('-', '');
}
