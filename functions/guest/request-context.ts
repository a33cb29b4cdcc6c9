import type { Json } from '../oslo/message.ts';

/** On whose behalf guests are pinged. */
export interface RequestContext {
  /** null in a sweep: no tenant has asked. */
  readonly tenantId: string | null;
  /** `req-<uuid>`: found in the guest's log and in ours. */
  readonly requestId: string;
  /** The same of the request for which the caller asks. */
  readonly globalRequestId?: string | undefined;
}

/** The same for the ping of one guest. */
export interface PingContext extends RequestContext {
  readonly instanceId: string;
}

/**
 * What is the same in the request context of each ping, as a guest's `TroveContext.from_dict` reads it (oslo.context's
 * keys). There is no token: a ping needs none.
 */
export const COMMON_CONTEXT = {
  user: null,
  is_admin: true,
  read_only: true,
  auth_token: null,
  roles: ['admin'],
  limit: null,
  marker: null,
  service_catalog: null,
} as const;

export function rpcContext({ tenantId, requestId, globalRequestId }: RequestContext): Record<string, Json> {
  const context = { ...COMMON_CONTEXT, project_id: tenantId, request_id: requestId };
  return globalRequestId === undefined ? context : { ...context, global_request_id: globalRequestId };
}
