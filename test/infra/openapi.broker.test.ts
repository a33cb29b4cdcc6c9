import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { INSTANCE_ID } from '../../functions/guest/topic.ts';
import { FLEET_ROUTES } from '../../functions/http/fleet-request.ts';
import { ROUTE, readRequest } from '../../functions/http/request.ts';
import { globalRequestId } from '../../functions/http/request-id.ts';
import { type Answer, FunctionUnderTest } from '../setup/function-under-test.ts';
import { KeystoneStandIn, refuse, vouchFor } from '../setup/keystone-stand-in.ts';
import {
  DOCUMENT,
  example,
  expectConformity,
  expectExample,
  OPERATION,
  problems,
  resolved,
} from '../setup/openapi.ts';
import { withExamples } from '../setup/openapi-examples.ts';
import { GUEST_REASONS, ResponderFleet } from '../setup/responder-fleet.ts';
import { TestBroker } from '../setup/test-broker.ts';

/** The statuses that only API Gateway itself answers. */
const OF_THE_GATEWAY = ['403', '429', '503'];

describe('the OpenAPI document', () => {
  test('the OpenAPI document is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(DOCUMENT));
    expect([valid, errors]).toEqual([true, undefined]);
    expect(DOCUMENT.openapi).toMatch(/^3\.1\./);
  });

  test('the OpenAPI document has the deployed routes alone', () => {
    const operations = Object.entries<object>(DOCUMENT.paths).map(([path, methods]) => [
      path,
      Object.keys(methods),
    ]);
    const deployed = [ROUTE.path, ...Object.values(FLEET_ROUTES)];
    expect(operations).toEqual(deployed.map((path) => [path, ['get']]));
  });

  test('what the OpenAPI document repeats of the code is what the code makes: `npm run openapi`', () => {
    expect(withExamples(structuredClone(DOCUMENT))).toEqual(DOCUMENT);
  });

  test('a request as the OpenAPI document describes it is read, and another instance id is not found', () => {
    const described = Object.fromEntries(
      OPERATION.parameters.map(({ name, example: value }: Record<string, string>) => [name, value]),
    );
    const { tenant_id, instance_id, Prefer, 'X-OpenStack-Request-Id': id } = described;
    const event = (instanceId: string) => ({
      routeKey: `${ROUTE.method} ${ROUTE.path}`,
      rawPath: ROUTE.path,
      headers: { prefer: Prefer, 'x-openstack-request-id': id },
      pathParameters: { tenant_id, instance_id: instanceId },
    });
    const read = readRequest(event(instance_id));
    expect(read).toEqual({ tenantId: tenant_id, instanceId: instance_id, waitSeconds: 3 });
    expect(globalRequestId(event(instance_id))).toBe(id);
    expect(() => readRequest(event(instance_id.toUpperCase().replace(/0/g, 'A')))).toThrow('cannot be found');
    const { schema } = OPERATION.parameters.find(({ name }: { name: string }) => name === 'instance_id');
    expect(schema.pattern).toBe(INSTANCE_ID.source);
  });

  test.each(Object.keys(OPERATION.responses))(
    'the examples of %s in the OpenAPI document conform to its schemas',
    (status) => {
      const { content, headers = {} } = OPERATION.responses[status];
      for (const { value } of Object.values<{ value: unknown }>(content?.['application/json'].examples ?? {}))
        expect(problems(content['application/json'].schema, value)).toEqual([]);
      for (const reference of Object.values<Record<string, unknown>>(headers)) {
        const { schema, example: value } = resolved<Record<string, unknown>>(reference);
        expect(problems(Object(schema), value)).toEqual([]);
      }
      if (OF_THE_GATEWAY.includes(status)) expect(content).toBeDefined();
    },
  );

  test('a body with an additional field does not conform to the OpenAPI document', () => {
    const { schema } = OPERATION.responses['400'].content['application/json'];
    expect(problems(schema, { ...example(400, 'no_reply'), traceback: 'Traceback' })).toHaveLength(1);
  });
});

describe('the bundled function', () => {
  let broker: TestBroker;
  let fleet: ResponderFleet;
  let fn: FunctionUnderTest;

  beforeAll(async () => {
    broker = await TestBroker.create();
    fleet = new ResponderFleet(await broker.channel());
    fn = await FunctionUnderTest.start({ BROKER_URL: broker.url, RPC_TIMEOUT_SECONDS: '2' });
  });
  afterAll(async () => {
    await fn.end();
    await broker.delete();
  });

  async function pingTo(settings: Record<string, string>): Promise<Answer> {
    await using under = await FunctionUnderTest.start(settings);
    return await under.ping(randomUUID());
  }

  test('an answer 204 conforms to the OpenAPI document', async () => {
    const [id = ''] = await fleet.add('reachable', 1);
    const answer = await fn.ping(id, 'tenant', { prefer: 'wait=1' });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('preference-applied')).toBe('wait=1');
    expectConformity(answer);
  });

  test.each(GUEST_REASONS)(
    'an answer 400 with %s is the example of the OpenAPI document',
    async (behaviour) => {
      const [id = ''] = behaviour === 'queue_missing' ? [randomUUID()] : await fleet.add(behaviour, 1);
      expectExample(await fn.ping(id), behaviour);
    },
  );

  test('an answer 400 with broker_unreachable is the example of the OpenAPI document', async () => {
    expectExample(await pingTo({ BROKER_URL: 'amqp://127.0.0.1:1' }), 'broker_unreachable');
  });

  test('an answer 400 with broker_refused is the example of the OpenAPI document', async () => {
    const wrong = broker.url.replace('guest:guest', 'guest:wrong');
    expectExample(await pingTo({ BROKER_URL: wrong }), 'broker_refused');
  });

  test('an answer 400 with exchange_missing is the example of the OpenAPI document', async () => {
    const answer = await pingTo({ BROKER_URL: broker.url, CONTROL_EXCHANGE: 'astray' });
    expectExample(answer, 'exchange_missing');
  });

  test('an answer 404 for an instance is the example of the OpenAPI document', async () => {
    const answer = await fn.ping('my-database');
    expectConformity(answer);
    expect(JSON.parse(answer.body)).toEqual(example(404, 'instance'));
  });

  test.each([
    ['GET', '/v1.0/tenant/instances'],
    ['POST', ROUTE.path],
  ])('an answer 404 for %s %s is the example of the OpenAPI document', async (method, path) => {
    const answer = await fn.request(method, path);
    expectConformity(answer);
    expect(JSON.parse(answer.body)).toEqual(example(404, 'route'));
  });

  test('an answer 500 is the example of the OpenAPI document', async () => {
    const answer = await pingTo({});
    expectConformity(answer);
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.body)).toEqual(example(500, 'misconfigured'));
  });

  test.each<[number, string, Parameters<typeof KeystoneStandIn.start>[0]]>([
    [401, 'unauthenticated', refuse()],
    [401, 'no_admin', vouchFor({ role: 'member' })],
    [403, 'foreign_project', vouchFor({ project: '8dc24587c49f4693a7bc658ef1814362' })],
    [403, 'no_project', vouchFor({ project: null })],
    [503, 'keystone', (_request, response) => response.writeHead(500).end()],
  ])('%d, %s, with Keystone', async (status, name, handle) => {
    await using keystone = await KeystoneStandIn.start(handle);
    const settings = { BROKER_URL: broker.url, KEYSTONE_URL: keystone.url };
    await using under = await FunctionUnderTest.start(settings);
    const answer = await under.ping(randomUUID(), 'tenant', { 'x-auth-token': 'token' });
    expectConformity(answer);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toEqual(example(status, name));
  });
});
