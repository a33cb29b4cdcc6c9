import { expect, test } from '@jest/globals';
import { type GatewayEvent, header, readRequest, tenantOf } from '../../functions/http/request.ts';

const ID = '6d4b7f2e-8a3c-4f5b-9c1d-2e3f4a5b6c7d';
const ROUTE = '/v1.0/{tenant_id}/mgmt/instances/{instance_id}/rpc_ping';
const PATH = `/v1.0/t/mgmt/instances/${ID}/rpc_ping`;
const PARAMETERS = { tenant_id: 't', instance_id: ID };

function httpApi(event: object = {}): GatewayEvent {
  return { routeKey: `GET ${ROUTE}`, rawPath: PATH, headers: {}, pathParameters: PARAMETERS, ...event };
}

function restApi(event: object = {}): GatewayEvent {
  const ours = { httpMethod: 'GET', resource: ROUTE, path: PATH, pathParameters: PARAMETERS };
  return { ...ours, headers: {}, multiValueHeaders: {}, ...event };
}

const NOT_FOUND = { statusCode: 404, message: expect.stringContaining('The resource could not be found.') };
const NO_INSTANCE = (id: string) => ({
  statusCode: 404,
  message: expect.stringContaining(`Resource ${id} cannot be found.`),
});

test.each([
  ['another method', httpApi({ routeKey: `POST ${ROUTE}` }), NOT_FOUND],
  ['the default route', httpApi({ routeKey: '$default' }), NOT_FOUND],
  ["another method of REST's", restApi({ httpMethod: 'HEAD' }), NOT_FOUND],
  ["another resource of REST's", restApi({ resource: '/{proxy+}' }), NOT_FOUND],
  [
    'an id in upper case',
    httpApi({ pathParameters: { ...PARAMETERS, instance_id: ID.toUpperCase() } }),
    NO_INSTANCE(ID.toUpperCase()),
  ],
  ['no UUID', restApi({ pathParameters: { tenant_id: 't', instance_id: 'x' } }), NO_INSTANCE('x')],
  ['no parameters', restApi({ pathParameters: null }), NO_INSTANCE('')],
])('%s is 404', (_what, event, fault) => {
  expect(() => readRequest(event)).toThrow(expect.objectContaining(fault));
});

test.each([
  ['an HTTP API', httpApi(), undefined],
  ['a REST API', restApi(), undefined],
  ['an HTTP API, with a wait', httpApi({ headers: { prefer: 'wait=5' } }), 5],
  ['a REST API, with a wait', restApi({ headers: { PREFER: 'wait=5' } }), 5],
  ['a REST API, with two headers', restApi({ multiValueHeaders: { Prefer: ['a', 'wait=5'] } }), 5],
])('of %s come tenant, instance and wait', (_what, event, waitSeconds) => {
  expect(readRequest(event)).toEqual({ tenantId: 't', instanceId: ID, waitSeconds });
});

test.each([
  ['the parameters', httpApi(), 't'],
  [
    'a path that leads nowhere',
    httpApi({ pathParameters: undefined, rawPath: '/v1.0/other/flavors' }),
    'other',
  ],
  ['a path of REST', restApi({ pathParameters: null, path: '/v1.0/other/' }), 'other'],
  ['a path without one', httpApi({ pathParameters: undefined, rawPath: '/' }), undefined],
])('the tenant is read of %s', (_what, event, tenant) => {
  expect(tenantOf(event)).toBe(tenant);
});

test('a header is found in whatever case', () => {
  expect(header(restApi({ headers: { 'X-AUTH-Token': 'a' } }), 'x-auth-token')).toBe('a');
  expect(header(httpApi({ headers: undefined }), 'x-auth-token')).toBeUndefined();
});
