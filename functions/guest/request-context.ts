import type { Json } from '../oslo/message.ts';

/** On whose behalf guests are pinged. */
export interface RequestContext {
  /** null in a sweep: no tenant has asked. */
  readonly tenantId: string | null;
  /** `req-<uuid>`: found in the guest’s log and in ours. */
  readonly requestId: string;
}

/** The same for the ping of one guest. */
export interface PingContext extends RequestContext {
  readonly instanceId: string;
}

/**
 * The request context as a guest's `TroveContext.from_dict` reads it (oslo.context's keys). It carries no
 * token: a ping needs none.
 */
export function rpcContext({ tenantId, requestId }: RequestContext): Record<string, Json> {
  return {
    user: null,
    project_id: tenantId,
    is_admin: true,
    read_only: true,
    auth_token: null,
    request_id: requestId,
    roles: ['admin'],
    limit: null,
    marker: null,
    service_catalog: null,
  };
}
