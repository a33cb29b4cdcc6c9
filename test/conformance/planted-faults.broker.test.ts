import { once } from 'node:events';
import { createServer, type OutgoingHttpHeaders, type Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { KeystoneStandIn, refuse, vouchFor } from '../setup/keystone-stand-in.ts';
import { ResponderFleet } from '../setup/responder-fleet.ts';
import { TestBroker } from '../setup/test-broker.ts';
import type { Subjects } from './contract.ts';
import { type Aspect, type Difference, run } from './run.ts';

// The suite finds what it is to find: each fault is planted in a gateway before the real function, which has none.

/** An answer on its way to the caller. */
interface Passing {
  status: number;
  headers: OutgoingHttpHeaders;
  body: string;
}

type Plant = (answer: Passing, method: string, path: string) => void;

/** What is planted, and the aspects and calls in which the suite must see it. */
const FAULTS: Readonly<
  Record<string, { readonly plant: Plant; readonly aspect: Aspect; readonly row: string }>
> = {
  'a header is missing': {
    plant: ({ headers }) => delete headers['x-openstack-request-id'],
    aspect: 'X-OpenStack-Request-Id',
    row: 'a guest that answers',
  },
  "the caller's own id is the answer's": {
    plant: ({ headers }) => {
      headers['x-openstack-request-id'] = 'req-6d4b7f2e-8a3c-4f5b-9c1d-2e3f4a5b6c7d';
    },
    aspect: 'X-OpenStack-Request-Id',
    row: 'a malformed id',
  },
  'the code comes before the message': {
    plant: (answer) => {
      answer.body = answer.body.replace(/\{"message": (".*"), "code": 404\}/, '{"code": 404, "message": $1}');
    },
    aspect: 'key order',
    row: 'a malformed id',
  },
  '404 where 400 is due': {
    plant: (answer) => {
      if (answer.status === 400) answer.status = 404;
    },
    aspect: 'status',
    row: 'an unknown id',
  },
  '200 for a pong': {
    plant: (answer) => {
      if (answer.status === 204) Object.assign(answer, { status: 200, body: '{}' });
    },
    aspect: 'status',
    row: 'a guest that answers',
  },
  "a guest's traceback is passed on": {
    plant: (answer) => {
      answer.body = answer.body.replace('boom.', 'boom\\nTraceback (most recent call last).');
    },
    aspect: 'text',
    row: 'a guest that raises an exception',
  },
  'no charset': {
    plant: ({ headers }) => {
      headers['content-type'] = 'application/json';
    },
    aspect: 'Content-Type',
    row: 'POST',
  },
  'a slash at the end is passed over': {
    plant: (answer, _method, path) => {
      if (path.endsWith('/')) Object.assign(answer, { status: 204, body: '' });
    },
    aspect: 'status',
    row: 'a slash at the end',
  },
  'an id in upper case is taken for the same in lower case': {
    plant: (answer, _method, path) => {
      if (/[A-F]/.test(path)) Object.assign(answer, { status: 204, body: '' });
    },
    aspect: 'status',
    row: 'an id in upper case',
  },
  'a 401 does not say where tokens are to be had': {
    plant: ({ headers }) => delete headers['www-authenticate'],
    aspect: 'WWW-Authenticate',
    row: 'no token',
  },
  "another tenant's path is let in": {
    plant: (answer) => {
      if (answer.status === 403) Object.assign(answer, { status: 204, body: '' });
    },
    aspect: 'status',
    row: 'the path of another tenant',
  },
  'HEAD is a ping': {
    plant: (answer, method) => {
      if (method === 'HEAD') answer.status = 204;
    },
    aspect: 'status',
    row: 'HEAD',
  },
};

let broker: TestBroker;
let keystone: KeystoneStandIn;
let fn: FunctionUnderTest;
let subjects: Subjects;
let gateway: Server;
let plant: Plant = () => undefined;

beforeAll(async () => {
  broker = await TestBroker.create();
  const fleet = new ResponderFleet(await broker.channel());
  const [[reachable = ''], [down = ''], [raising = '']] = [
    await fleet.add('reachable', 1),
    await fleet.add('no_consumer', 1),
    await fleet.add('guest_error', 1),
  ];
  keystone = await KeystoneStandIn.start((request, response) => {
    const token = request.headers['x-subject-token'];
    const handle =
      token === 'admin' ? vouchFor() : token === 'member' ? vouchFor({ role: 'member' }) : refuse();
    handle(request, response);
  });
  fn = await FunctionUnderTest.start({ BROKER_URL: broker.url, KEYSTONE_URL: keystone.url });
  subjects = { tenant: 'tenant', token: 'admin', member_token: 'member', reachable, down, raising };
  gateway = createServer(async ({ method = 'GET', url: path = '/', headers: sent }, response) => {
    const { connection: _connection, host: _host, ...headers } = sent;
    const answered = await fetch(fn.url + path, {
      method,
      headers: Object.entries(headers).map(([name, value]) => [name, String(value)]),
    });
    const answer = {
      status: answered.status,
      headers: Object.fromEntries(answered.headers),
      body: await answered.text(),
    };
    plant(answer, method, path);
    const {
      'content-length': _length,
      'transfer-encoding': _encoding,
      connection: _own,
      ...kept
    } = answer.headers;
    const length = answer.status === 204 ? 0 : Buffer.byteLength(answer.body);
    response.writeHead(answer.status, { ...kept, 'content-length': length }).end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(gateway, 'listening');
}, 60_000);
afterAll(async () => {
  gateway.close();
  gateway.closeAllConnections();
  await fn.end();
  await keystone[Symbol.asyncDispose]();
  await broker.delete();
});

async function differences(planted: Plant): Promise<readonly Difference[]> {
  plant = planted;
  const { port } = Object(gateway.address());
  return (await run(`http://127.0.0.1:${port}`, subjects)).differences;
}

test('the real function has none of the faults', async () => {
  expect(await differences(() => undefined)).toEqual([]);
});

test.each(Object.entries(FAULTS))('found: %s', async (_name, { plant: planted, aspect, row }) => {
  const found = await differences(planted);
  expect(found).toContainEqual(expect.objectContaining({ aspect, row }));
});
