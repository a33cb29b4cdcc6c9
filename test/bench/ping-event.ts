/** The fields of API Gateway's event that the handlers read. */
export function pingEvent(instanceId: string, headers: Readonly<Record<string, string>> = {}): object {
  return {
    routeKey: 'GET /v1.0/{tenant_id}/mgmt/instances/{instance_id}/rpc_ping',
    rawPath: `/v1.0/tenant/mgmt/instances/${instanceId}/rpc_ping`,
    headers,
    pathParameters: { tenant_id: 'tenant', instance_id: instanceId },
  };
}
