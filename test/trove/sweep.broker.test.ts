import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { HealthCheckUnderTest } from '../setup/health-check-under-test.ts';
import { respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';
import { TroveStandIn } from './trove-stand-in.ts';

// The bundled health check, which knows from Trove who should answer.

const [alive, down, unbound, building, orphan] = Array.from({ length: 5 }, () => randomUUID() as string);

const folder = new TemporaryFolder('trove-sweep');
let broker: TestBroker;
let trove: TroveStandIn;
let healthCheck: HealthCheckUnderTest;

beforeAll(async () => {
  broker = await TestBroker.create();
  trove = await TroveStandIn.start();
  await writeFile(folder.file('credential.json'), '{"id": "i", "secret": "s"}');
  const channel = await broker.channel();
  await respond(channel, alive ?? '', (request) => request.reply());
  for (const id of [down, orphan]) {
    await channel.assertQueue(`guestagent.${id}`);
    await channel.bindQueue(`guestagent.${id}`, 'trove', `guestagent.${id}`);
  }
  for (const [id = '', name, status] of [
    [alive, 'wiki', 'HEALTHY'],
    [down, 'orders', 'ACTIVE'],
    [unbound, 'shop', 'ACTIVE'],
    [building, 'blog', 'BUILD'],
  ] as const)
    trove.rows.push({ id, name, status, updated: trove.rows.length });
  healthCheck = await HealthCheckUnderTest.start({
    BROKER_URL: broker.url,
    BROKER_MANAGEMENT_URL: broker.managementUrl,
    FLEET_STATE_URL: pathToFileURL(folder.file('state.json')).href,
    UNREACHABLE_AFTER_SWEEPS: '1',
    RPC_TIMEOUT_SECONDS: '2',
    NO_CONSUMER_GRACE_SECONDS: '0.2',
    TROVE_URL: `${trove.url}/v1.0`,
    KEYSTONE_URL: `${trove.url}/v3`,
    TROVE_CREDENTIALS_FILE: folder.file('credential.json'),
  });
}, 60_000);
afterAll(async () => {
  await healthCheck?.lambda.end();
  await trove?.[Symbol.asyncDispose]();
  await broker?.delete();
  await folder.remove();
});

const WHO = { project_id: 'tenant', hypervisor: 'compute-7' };

test('who should answer is what exists in Trove; the others have their own kinds', async () => {
  const { summary, log } = await healthCheck.sweep();
  expect(summary).toMatchObject({ checked: 5, reachable: 1, unreachable: 2 });
  expect(summary.unreachable_guests).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ instance_id: down, reason: 'no_consumer', name: 'orders', ...WHO }),
      expect.objectContaining({ instance_id: unbound, reason: 'queue_missing', name: 'shop', ...WHO }),
    ]),
  );
  expect(summary.changes_sentence).toContain(`orders ${down} (no_consumer, since`);
  expect(log).toContainEqual(
    expect.objectContaining({ message: 'guest_unreachable', instance_id: down, name: 'orders', ...WHO }),
  );
}, 60_000);

test('what two lists in a row do not have was deleted', async () => {
  const { summary } = await healthCheck.sweep();
  expect(summary).toMatchObject({ reachable: 1, unreachable: 2, expected_silent: 1, changes: [] });
  expect(summary.orphaned_queues).toEqual([orphan]);
}, 60_000);

test('while Trove fails, nobody is called well or deleted by that', async () => {
  trove.trove = (_request, response) => response.writeHead(503).end('<html>');
  const { summary } = await healthCheck.sweep();
  expect(summary).toMatchObject({
    reachable: 1,
    unreachable: 2,
    expected_silent: 1,
    list_problem: 'Trove answered with status 503',
    list_age_ms: expect.any(Number),
    changes: [],
  });
  expect(summary.orphaned_queues).toEqual([orphan]);
}, 60_000);
