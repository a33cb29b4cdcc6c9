import { parseJsonObject } from '../json.ts';
import type { RemoteFailure } from './errors.ts';

/** Anything JSON can carry. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A method call, in the shape of oslo.messaging's message format 2.0. */
export interface MethodCall {
  readonly method: string;
  readonly args: Readonly<Record<string, Json>>;
  /** The RPC API version asked for, such as `1.0`. */
  readonly version: string;
  /** The request context; each key travels as `_context_<key>`. */
  readonly context: Readonly<Record<string, Json>>;
}

/** Where the answer goes, and by which id it is recognized; each is of letters, digits and `_`, each id 32 hex digits. */
export interface RequestIds {
  readonly msgId: string;
  readonly replyQueue: string;
  /** Fresh for every publish: a server drops a request that repeats one of the last 16 unique ids it saw. */
  readonly uniqueId: string;
}

/** One message from the reply queue. */
export type Reply =
  | {
      readonly kind: 'reply';
      readonly msgId: string;
      readonly result: unknown;
      readonly failure: RemoteFailure | undefined;
      readonly ending: boolean;
    }
  /** `msgId` is given where the message, unreadable as a reply, still names the call it answers. */
  | { readonly kind: 'unreadable'; readonly problem: string; readonly msgId: string | undefined };

/** A longer reply is not parsed. Trove's longest, a failure with its traceback, stays below 10 kB. */
export const MAX_REPLY_BYTES = 64 * 1024;

/** A traceback is passed on up to this length. */
const MAX_TRACEBACK_LENGTH = 16 * 1024;

/** A `_msg_id` within the JSON text of a message, or within the JSON text in that. */
const MSG_ID = /_msg_id\\?"\s*:\s*\\?"([0-9a-f]{32})/g;

/** What requests with the same method call have in common, encoded once: a sweep sends one to each guest. */
export class RpcRequest {
  /** The members of the `oslo.message` but for the ids: JSON within JSON, with a comma before each. */
  readonly #members: string;

  static of({ method, args, version, context }: MethodCall): RpcRequest {
    const named = Object.entries(context).map(([key, value]) => [`_context_${key}`, value]);
    return new RpcRequest('').with({ method, args, version, ...Object.fromEntries(named) });
  }

  private constructor(members: string) {
    this.#members = members;
  }

  /**
   * This request with more in it: at least one member of the `oslo.message`, each by the name under which it travels. An
   * undefined one is left out.
   */
  with(members: Readonly<Record<string, Json | undefined>>): RpcRequest {
    const encoded = JSON.stringify(JSON.stringify(members)).slice('"{'.length, -'}"'.length);
    return new RpcRequest(`${this.#members},${encoded}`);
  }

  /** The body of one request: the envelope `{"oslo.version": "2.0", "oslo.message": "<JSON text>"}` in UTF-8. */
  body({ msgId, replyQueue, uniqueId }: RequestIds): Buffer {
    // `_timeout` is the interval of call-monitor heartbeats, not the deadline; null asks for none.
    const ids = `\\"_msg_id\\":\\"${msgId}\\",\\"_reply_q\\":\\"${replyQueue}\\",\\"_timeout\\":null,\\"_unique_id\\":\\"${uniqueId}\\"`;
    return Buffer.from(`{"oslo.version": "2.0", "oslo.message": "{${ids}${this.#members}}"}`);
  }
}

/**
 * What `find` finds for the first of the ids by which a message may name its call. The message is not parsed: most of a flood belongs
 * to nobody.
 */
export function firstByMsgId<T>(text: string, find: (msgId: string) => T | undefined): T | undefined {
  MSG_ID.lastIndex = 0;
  // Not matchAll, which makes a new RegExp for each reply.
  for (let found = MSG_ID.exec(text); found !== null; found = MSG_ID.exec(text)) {
    const value = find(found[1] ?? '');
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Reads one message from the reply queue. Never throws: the network may send anything. */
export function decodeReply(text: string): Reply {
  const envelope = parseJsonObject(text);
  if (envelope === undefined) return unreadable('not a JSON object');
  const inner = envelope['oslo.message'];
  const message = typeof inner === 'string' ? parseJsonObject(inner) : undefined;
  if (message === undefined) return unreadable('no oslo.message in it');
  const msgId = message['_msg_id'];
  if (typeof msgId !== 'string') return unreadable('no _msg_id in it');
  if (!isSupportedVersion(envelope['oslo.version'])) return unreadable('not of envelope version 2.0', msgId);

  const { result = null, ending = false } = message;
  if (typeof ending !== 'boolean') return unreadable('its "ending" is not a boolean', msgId);
  const failure = decodeFailure(message['failure']);
  if (failure === 'unreadable') return unreadable('its "failure" is not a serialized exception', msgId);
  return { kind: 'reply', msgId, result, failure, ending };
}

function unreadable(problem: string, msgId?: string): Reply {
  return { kind: 'unreadable', problem, msgId };
}

/** As oslo.messaging's `version_is_compatible("2.0", version)`: the same major, no newer minor. */
function isSupportedVersion(version: unknown): boolean {
  return version === '2.0';
}

/** `failure` is null (or, as oslo.messaging tests it, empty), or a JSON *string* that holds an object. */
function decodeFailure(failure: unknown): RemoteFailure | undefined | 'unreadable' {
  if (failure === undefined || failure === null || failure === '') return undefined;
  const parsed = typeof failure === 'string' ? parsePythonObject(failure) : undefined;
  if (parsed === undefined) return 'unreadable';
  const { class: className, module = '', message = '', tb = [] } = parsed;
  if (typeof className !== 'string' || typeof module !== 'string' || typeof message !== 'string') {
    return 'unreadable';
  }
  if (!Array.isArray(tb) || !tb.every((line) => typeof line === 'string')) return 'unreadable';
  return { class: className, module, message, traceback: cut(tb.join(''), MAX_TRACEBACK_LENGTH) };
}

/** Python writes numbers that JSON does not have, such as in an exception's arguments; they become null. */
function parsePythonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const toJson = (part: string) => (part.startsWith('"') ? part : 'null');
  return (
    parseJsonObject(text) ?? parseJsonObject(text.replaceAll(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, toJson))
  );
}

/** The end of a traceback says what happened. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : `…${text.slice(-length)}`;
}
