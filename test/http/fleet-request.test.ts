import { describe, expect, test } from '@jest/globals';
import { baseUrlOf, readFleetRequest } from '../../functions/http/fleet-request.ts';
import type { GatewayEvent } from '../../functions/http/request.ts';

const ID = '00000000-0000-4000-8000-000000000001';
const ALL = { isForTargets: false, instanceId: undefined, limit: undefined, marker: undefined };

function event(route: string, more: object = {}): GatewayEvent {
  return { routeKey: `GET ${route}`, rawPath: route, headers: {}, ...more };
}

function ofRest(resource: string, more: object = {}): GatewayEvent {
  const headers = { headers: {}, multiValueHeaders: {}, pathParameters: null };
  return { httpMethod: 'GET', resource, path: resource, ...headers, ...more };
}

describe('a request', () => {
  test.each([
    [event('/fleet'), ALL],
    [ofRest('/fleet', { queryStringParameters: null }), ALL],
    [event('/fleet/targets'), { ...ALL, isForTargets: true }],
    [event('/fleet/{instance_id}', { pathParameters: { instance_id: ID } }), { ...ALL, instanceId: ID }],
    [
      event('/fleet', { queryStringParameters: { limit: '20', marker: ID } }),
      { ...ALL, limit: 20, marker: ID },
    ],
  ])('%j is read', (request, read) => {
    expect(readFleetRequest(request)).toEqual(read);
  });

  test.each([
    [event('/fleet/{instance_id}', { pathParameters: { instance_id: 'x' } }), 404, 'Resource x cannot'],
    [event('/elsewhere'), 404, 'The resource could not be found'],
    [event('/fleet', { routeKey: 'POST /fleet' }), 404, 'The resource could not be found'],
    [event('/fleet', { queryStringParameters: { limit: '0' } }), 400, 'limit is not'],
    [event('/fleet', { queryStringParameters: { limit: '-1' } }), 400, 'limit is not'],
    [event('/fleet', { queryStringParameters: { marker: 'x' } }), 400, 'marker is not'],
  ])('%j is refused', (request, statusCode, message) => {
    const fault = expect.objectContaining({ statusCode, message: expect.stringContaining(message) });
    expect(() => readFleetRequest(request)).toThrow(fault);
  });
});

describe("the API's URL", () => {
  test.each([
    [event('/fleet', { headers: { host: '127.0.0.1:8779' } }), 'http://127.0.0.1:8779'],
    [event('/fleet', { headers: { host: 'x.example', 'x-forwarded-proto': 'https' } }), 'https://x.example'],
    [
      ofRest('/fleet', {
        headers: { Host: 'x.example', 'X-Forwarded-Proto': 'https' },
        requestContext: { path: '/v1/fleet' },
      }),
      'https://x.example/v1',
    ],
    [
      ofRest('/fleet/targets', {
        path: '/dba/fleet/targets/',
        headers: { Host: 'x.example' },
        requestContext: { path: '/dba/fleet/targets/' },
      }),
      'http://x.example/dba',
    ],
    [event('/fleet', { rawPath: '/prod/fleet', headers: { host: 'x.example' } }), 'http://x.example/prod'],
    [
      event('/fleet/targets', { rawPath: '/dba/v2/fleet/targets', headers: { host: 'x.example' } }),
      'http://x.example/dba/v2',
    ],
    [event('/fleet', { rawPath: '/fleet/fleet', headers: { host: 'x.example' } }), 'http://x.example/fleet'],
  ])('%j: %s', (request, url) => {
    expect(baseUrlOf(request)).toBe(url);
  });
});
