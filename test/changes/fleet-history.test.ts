import { mkdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { FleetHistory } from '../../functions/changes/fleet-history.ts';
import type { SweepOutcome } from '../../functions/changes/report.ts';
import { Archive } from '../../functions/history/archive.ts';
import { s3Object } from '../../functions/store/s3-object.ts';
import type { SweepResult } from '../../functions/sweep/sweep-result.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { S3StandIn, s3Error } from '../setup/s3-stand-in.ts';
import { GUESTS, RULES, silentResult } from './results.ts';

const { env } = process;
const originalEnv = { ...env };

const [A, B] = GUESTS;
const PATH = '/fleet/state.json';

const folder = new TemporaryFolder('fleet-history');
let s3: S3StandIn;

beforeAll(async () => {
  s3 = await S3StandIn.start();
  Object.assign(env, s3.aws.settings);
});
afterEach(() => {
  s3.before = () => undefined;
  s3.after = () => undefined;
  s3.objects.clear();
  s3.aws.requests.length = 0;
});
afterAll(async () => {
  folder.remove();
  for (const name of Object.keys(env)) if (!(name in originalEnv)) delete env[name];
  Object.assign(env, originalEnv);
  await s3.aws.close();
});

/** A health check that reports at once, with its own way to the shared state. */
function healthCheck(unreachableAfterSweeps = 1): FleetHistory {
  const store = s3Object('fleet', 'state.json');
  const archive = new Archive({ bucket: 'fleet', key: 'fleet-state.json' });
  return new FleetHistory(store, archive, { ...RULES, unreachableAfterSweeps });
}

const soon = () => Deadline.in(10_000);
const reported = ({ changes }: SweepOutcome) => changes.map(({ instance_id: id, change }) => [id, change]);
const isPut = ({ method }: { method: string }) => method === 'PUT';

describe('a state that is', () => {
  test('missing starts a new history, which is said once', async () => {
    const first = await healthCheck().add(silentResult(A), soon());
    expect(reported(first)).toEqual([[A, 'unreachable']]);
    expect(first.problem).toMatchObject({ code: 'state_missing' });
    const second = await healthCheck().add(silentResult(A), soon());
    expect(reported(second)).toEqual([]);
    expect(second.problem).toBeUndefined();
  });

  test.each([
    ['empty', ''],
    ['cut off', '{"version":1,"sweep":{"at":"2026-1'],
    ['of no version', '{"sweep":{},"guests":{}}'],
    ['no object', '[]'],
    ['without a sweep', '{"version":1,"guests":{}}'],
    [
      'with a guest that is none',
      '{"version":1,"sweep":{"at":"2026-11-24T14:00:00.000Z","guests_from":"bindings","broker_reachable":true,"checked":1,"reachable":1,"unreachable":0,"unknown":0,"duration_ms":1},"guests":{"x":{}}}',
    ],
  ])('%s starts a new history and replaced, which is said once', async (_what, text) => {
    s3.objects.set(PATH, text);
    const outcome = await healthCheck().add(silentResult(A), soon());
    expect(outcome.problem).toMatchObject({ code: 'state_malformed' });
    expect(reported(outcome)).toEqual([[A, 'unreachable']]);
    expect((await healthCheck().add(silentResult(A), soon())).problem).toBeUndefined();
  });

  test.each([
    ['denied', () => s3Error(403, 'AccessDenied'), 'AccessDenied'],
    ['broken for long', () => s3Error(503, 'SlowDown'), 'SlowDown'],
    ['in a bucket that is gone', () => s3Error(404, 'NoSuchBucket'), 'NoSuchBucket'],
  ])(
    '%s has nothing reported and nothing written, until it can be read again',
    async (_what, answer, exception) => {
      await healthCheck().add(silentResult(), soon());
      const kept = s3.objects.get(PATH);
      s3.before = answer;
      const blind = await healthCheck().add(silentResult(A), soon());
      expect(blind.changes).toEqual([]);
      expect(blind.problem).toMatchObject({
        code: 'state_unreadable',
        message: expect.stringContaining(exception),
      });
      expect(s3.objects.get(PATH)).toBe(kept);
      s3.before = () => undefined;
      expect(reported(await healthCheck().add(silentResult(A), soon()))).toEqual([[A, 'unreachable']]);
    },
  );

  test('of a newer release has nothing reported and nothing written, nor is a mute', async () => {
    const text = '{"version":3,"sweep":{},"guests":{}}';
    s3.objects.set(PATH, text);
    const outcome = await healthCheck().add(silentResult(A), soon());
    expect(outcome.changes).toEqual([]);
    expect(outcome.problem).toMatchObject({
      code: 'state_unreadable',
      message: expect.stringContaining('of a newer release'),
    });
    await expect(healthCheck().edit((state) => state, soon())).rejects.toThrow('of a newer release');
    expect(s3.objects.get(PATH)).toBe(text);
  });

  test('too slow has nothing reported, and is waited for until the deadline', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    s3.before = () => promise;
    const outcome = await healthCheck().add(silentResult(A), Deadline.in(300));
    resolve(undefined);
    expect(outcome).toMatchObject({ changes: [], problem: { code: 'state_unreadable' } });
  });

  test('not writable has the same reported again by each sweep, until it is written', async () => {
    await healthCheck().add(silentResult(), soon());
    s3.before = (request) => (isPut(request) ? s3Error(403, 'AccessDenied') : undefined);
    for (const _ of [1, 2]) {
      const outcome = await healthCheck().add(silentResult(A), soon());
      expect(reported(outcome)).toEqual([[A, 'unreachable']]);
      expect(outcome.problem).toMatchObject({
        code: 'state_not_kept',
        message: expect.stringContaining('AccessDenied'),
      });
    }
    s3.before = () => undefined;
    expect(reported(await healthCheck().add(silentResult(A), soon()))).toEqual([[A, 'unreachable']]);
    expect(reported(await healthCheck().add(silentResult(A), soon()))).toEqual([]);
  });
});

describe('the history of a month', () => {
  const archive = () => new Archive({ bucket: 'fleet', key: 'state.json' });
  const at = '2026-02-28T23:59:59.000Z';
  const line = { at, instance_id: A, change: 'unreachable', reason: 'no_reply', since: at };
  const since = new Date('2026-01-31T00:00:00.000Z');
  const read = (id?: string) => archive().read(since, new Date('2026-03-31'), soon(), id);

  function writeMonth(bytes: Buffer): Archive {
    mkdirSync(folder.file('fleet.history'), { recursive: true });
    writeFileSync(folder.file('fleet.history/2026-02.jsonl'), bytes);
    return new Archive({ path: folder.file('fleet.json') });
  }

  test.each([
    ['that ends in half a line', '{"at":"2026-02-2'],
    ['with damaged lines', `\0\n{}\n[1]\n"${A}"\n`],
    ['that is empty', ''],
    ['that is missing', undefined],
  ])('%s keeps each new line, once', async (_what, text) => {
    if (text !== undefined) s3.objects.set('/fleet/history/2026-02.jsonl', text);
    for (let attempt = 0; attempt < 2; attempt++) await archive().file([line], soon());
    expect([await read(), await read(A), await read(B)]).toEqual([[line], [line], []]);
  });

  test('of a file may begin with a byte order mark', async () => {
    const own = writeMonth(Buffer.from(`\ufeff${JSON.stringify(line)}\n`));
    expect(await own.read(since, new Date('2026-03-31'), soon(), A)).toEqual([line]);
  });

  test.each([
    ['gzip', gzipSync(JSON.stringify(line))],
    ['UTF-16', Buffer.from(`\ufeff${JSON.stringify(line)}`, 'utf16le')],
  ])('that is %s is neither taken for an empty one nor overwritten', async (_what, bytes) => {
    const own = writeMonth(bytes);
    const notText = { code: 'state_unavailable', exception: 'NotText' };
    await expect(own.read(since, new Date('2026-03-31'), soon(), A)).rejects.toMatchObject(notText);
    await expect(own.file([line], soon())).rejects.toMatchObject(notText);
  });

  test('that is too large is not taken for one without incidents', async () => {
    const headers = { etag: '"1"', 'content-length': String(48 * 1024 * 1024 + 1) };
    s3.before = ({ method }) => (method === 'GET' ? { headers, body: '' } : undefined); // nobody reads the body
    const tooLarge = { code: 'state_unavailable', exception: 'EntityTooLarge' };
    await expect(read()).rejects.toMatchObject(tooLarge);
    await expect(archive().file([line], soon())).rejects.toMatchObject(tooLarge);
  });
});

describe('two writers', () => {
  /** Lets another sweep be added to the state, each time just before a write of this one. */
  function race(others: SweepResult[]): SweepOutcome[] {
    const outcomes: SweepOutcome[] = [];
    let isRacing = false;
    s3.before = async (request) => {
      if (!isPut(request) || isRacing) return undefined;
      const sweep = others.shift();
      if (sweep === undefined) return undefined;
      isRacing = true;
      outcomes.push(await healthCheck().add(sweep, soon()));
      isRacing = false;
      return undefined;
    };
    return outcomes;
  }

  test("a writer that another one has overtaken adds its sweep to the other one's state", async () => {
    await healthCheck().add(silentResult(), soon());
    const others = race([silentResult(A)]);
    const ours = await healthCheck().add(silentResult(A, B), soon());
    expect(others.map(reported)).toEqual([[[A, 'unreachable']]]);
    expect(reported(ours)).toEqual([[B, 'unreachable']]);
    expect(ours.problem).toBeUndefined();
    expect(Object.keys(ours.state?.guests ?? {}).sort()).toEqual([A, B]);
    expect(reported(await healthCheck().add(silentResult(A, B), soon()))).toEqual([]);
  });

  test('two writers that both start a new history report each change once', async () => {
    const others = race([silentResult(A)]);
    const ours = await healthCheck().add(silentResult(A), soon());
    expect([...others, ours].flatMap(reported)).toEqual([[A, 'unreachable']]);
  });

  test('a writer that is overtaken again and again says so, and its changes are reported again', async () => {
    await healthCheck().add(silentResult(), soon());
    race(Array.from({ length: 5 }, () => silentResult()));
    const ours = await healthCheck().add(silentResult(B), soon());
    expect(ours.problem).toMatchObject({ code: 'state_not_kept' });
    expect(reported(ours)).toEqual([[B, 'unreachable']]);
    expect(reported(await healthCheck().add(silentResult(B), soon()))).toEqual([[B, 'unreachable']]);
  });

  test('a state that is deleted between reading and writing starts a new history', async () => {
    await healthCheck().add(silentResult(), soon());
    s3.before = (request) => {
      if (isPut(request) && request.headers['if-match'] !== undefined) s3.objects.delete(PATH);
      return undefined;
    };
    const outcome = await healthCheck().add(silentResult(A), soon());
    expect(reported(outcome)).toEqual([[A, 'unreachable']]);
    expect(outcome.problem).toMatchObject({ code: 'state_missing' });
  });

  test("a write whose answer is lost is not taken for another writer's, and loses no change", async () => {
    await healthCheck().add(silentResult(), soon());
    let puts = 0;
    s3.after = (request) => (isPut(request) && ++puts === 1 ? s3Error(500, 'InternalError') : undefined);
    const outcome = await healthCheck().add(silentResult(A), soon());
    expect(puts).toBe(2); // the SDK's own repetition, which conflicts
    expect(reported(outcome)).toEqual([[A, 'unreachable']]);
    expect(outcome.problem).toBeUndefined();
    expect(reported(await healthCheck().add(silentResult(A), soon()))).toEqual([]);
  });
});
