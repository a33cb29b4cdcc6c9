import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TroveApiServer } from '../../infra/local/parts/trove-api-server.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { TestBroker } from '../setup/test-broker.ts';

// What the README's table says of Trove's own call. How long it takes is in RESULTS.md ("Dead guests").

/** Runs where Debian's packages of Trove can be installed; where they cannot, the global setup prints a warning. */
const interop = process.env['TEST_WITHOUT_TROVE'] ? describe.skip : describe;

interop("Trove's own rpc_ping", () => {
  const raising: string = randomUUID();
  const otherKey: string = randomUUID();
  let broker: TestBroker;
  let guests: TroveGuests;
  let trove: TroveApiServer;

  beforeAll(async () => {
    broker = await TestBroker.create();
    const host = await TroveGuests.host({ brokerUrl: broker.url }); // with transient queues, as the API's settings have them
    if (!host) throw new Error('No Trove guests here');
    guests = host;
    await guests.start(raising, { raise: 'builtin' });
    await guests.start(otherKey, { key: 'the key that the guest has' });
    const keys = { [raising]: null, [otherKey]: 'the key that Trove has' };
    trove = await TroveApiServer.start(broker.url, keys);
  }, 180_000);
  afterAll(async () => {
    await trove.end();
    await guests.end();
    await broker.delete();
  });

  test('passes the traceback of a Python exception to the caller', async () => {
    const { status, body } = await ping(raising);
    expect([status, body]).toEqual([400, expect.stringContaining('Traceback (most recent call last)')]);
  });

  test('calls a guest with another key alive', async () => {
    expect(await ping(otherKey)).toEqual({ status: 204, body: '' });
  });

  async function ping(id: string): Promise<{ readonly status: number; readonly body: string }> {
    const headers = {
      'X-Auth-Token': 'token',
      'X-User-Id': 'user',
      'X-Tenant-Id': 'tenant',
      'X-Role': 'admin',
    };
    const response = await fetch(`${trove.url}/v1.0/tenant/mgmt/instances/${id}/rpc_ping`, { headers });
    return { status: response.status, body: await response.text() };
  }
});
