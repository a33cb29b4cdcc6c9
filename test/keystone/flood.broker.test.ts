import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { eventually } from '../setup/eventually.ts';
import { FunctionUnderTest } from '../setup/function-under-test.ts';
import { KeystoneStandIn, refuse, vouchFor } from '../setup/keystone-stand-in.ts';
import { respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';

jest.setTimeout(120_000);

const guest = randomUUID();
let broker: TestBroker;
let keystone: KeystoneStandIn;
let folder: TemporaryFolder;
let fn: FunctionUnderTest;

beforeAll(async () => {
  broker = await TestBroker.create();
  await respond(await broker.channel(), guest, ({ reply }) => reply());
});
afterAll(() => broker.delete());
beforeEach(async () => {
  folder = new TemporaryFolder('heap');
  keystone = await KeystoneStandIn.start();
  fn = await FunctionUnderTest.start({
    BROKER_URL: broker.url,
    KEYSTONE_URL: keystone.url,
    NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${folder.path}`,
  });
});
afterEach(async () => {
  await fn.end();
  await keystone[Symbol.asyncDispose]();
  await folder.remove();
});

/** As hard to guess as a real one, and never the same. */
function newToken(): string {
  return `gAAAAAB${randomBytes(132).toString('base64url')}`;
}

async function statusFor(token: string): Promise<number> {
  return Object(await fn.invoke(guest, undefined, { 'x-auth-token': token })).statusCode;
}

/** Sends requests with new tokens, fifty at once. @returns how often which status was answered */
async function flood(count: number): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  let left = count;
  const send = async () => {
    while (left-- > 0) {
      const status = await statusFor(newToken());
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 50 }, send));
  return statuses;
}

/** All of the strings, and the rest, that the function's process holds after a garbage collection. */
async function heapSnapshot(): Promise<string> {
  process.kill(fn.lambda.pid, 'SIGUSR2');
  const written = async () => {
    const [name] = (await readdir(folder.path)).filter((file) => file.endsWith('.heapsnapshot'));
    return name === undefined ? '' : readFile(folder.file(name), 'utf8');
  };
  return eventually(written, (text) => /\]\}\s*$/.test(text), 60_000);
}

test('ten thousand random tokens leave memory flat, Keystone nearly alone, and honest callers served', async () => {
  const [known, later] = [newToken(), newToken()];
  expect(await statusFor(known)).toBe(204);
  keystone.handle = (request, response) => {
    const isHonest = request.headers['x-subject-token'] === later;
    (isHonest ? vouchFor() : refuse())(request, response);
  };
  await flood(1000);
  const before = await fn.lambda.heapUsed();

  const startedMs = Date.now();
  const askedBefore = keystone.asked.length;
  let honest = 0;
  let isFlooding = true;
  const honestCaller = async () => {
    while (isFlooding) {
      expect(await statusFor(known)).toBe(204);
      honest += 1;
    }
  };
  const [statuses] = await Promise.all([flood(10_000).finally(() => (isFlooding = false)), honestCaller()]);
  const tookMs = Date.now() - startedMs;

  expect(Object.keys(statuses)).toEqual(['401', '503']);
  expect(keystone.asked.length - askedBefore).toBeLessThanOrEqual(100 + tookMs / 100 + 1);
  expect(honest).toBeGreaterThan(10);
  await eventually(
    () => statusFor(later),
    (status) => status === 204,
  ); // who is new waits for a moment, no longer
  expect((await fn.lambda.heapUsed()) - before).toBeLessThan(2e6);
});

test("no token is in the function's heap, its log or its errors once the answer is out", async () => {
  const tokens = { good: newToken(), foreign: newToken(), bad: newToken(), lost: newToken() };
  expect(await statusFor(tokens.good)).toBe(204);
  keystone.handle = vouchFor({ project: 'another' });
  expect(await statusFor(tokens.foreign)).toBe(403);
  keystone.handle = refuse();
  expect(await statusFor(tokens.bad)).toBe(401);
  keystone.handle = (request) => request.socket.destroy();
  expect(await statusFor(tokens.lost)).toBe(503);
  await fn.ping(guest); // the runtime's channel may hold the last event
  const heap = await heapSnapshot();
  expect(heap).toContain('"boss"'); // it is what is known of a good token: the snapshot is a whole one
  for (const token of Object.values(tokens)) {
    expect(heap.includes(token)).toBe(false);
    expect(heap.includes(token.slice(20, 60))).toBe(false);
    expect(fn.output).not.toContain(token.slice(20, 60));
  }
});
