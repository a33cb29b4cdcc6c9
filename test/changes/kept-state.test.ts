import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Findings } from '../../functions/changes/findings.ts';
import { KeptState } from '../../functions/changes/kept-state.ts';
import type { Story } from '../../functions/changes/told-summary.ts';
import { S3Object } from '../../functions/store/s3-object.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { S3StandIn, s3Error } from '../setup/s3-stand-in.ts';
import { findings, GUESTS } from './findings.ts';

const { env } = process;
const originalEnv = { ...env };

const [A, B] = GUESTS;
const PATH = '/fleet/state.json';

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
  for (const name of Object.keys(env)) if (!(name in originalEnv)) delete env[name];
  Object.assign(env, originalEnv);
  await s3.aws.close();
});

/** A health check that tells at once, with its own way to the shared state. */
function healthCheck(unreachableAfterSweeps = 1): KeptState {
  const store = new S3Object('fleet', 'state.json');
  return new KeptState(store, { unreachableAfterSweeps, reachableAfterSweeps: 1 });
}

const soon = () => Deadline.in(10_000);
const told = ({ changes }: Story) => changes.map(({ instance_id: id, change }) => [id, change]);
const isPut = ({ method }: { method: string }) => method === 'PUT';

describe('a state that is', () => {
  test('missing is begun anew, which is said once', async () => {
    const first = await healthCheck().add(findings(A), soon());
    expect(told(first)).toEqual([[A, 'unreachable']]);
    expect(first.problem).toMatchObject({ code: 'state_missing' });
    const second = await healthCheck().add(findings(A), soon());
    expect(told(second)).toEqual([]);
    expect(second.problem).toBeUndefined();
  });

  test.each([
    ['empty', ''],
    ['cut off', '{"version":1,"sweep":{"at":"2026-1'],
    ['of another version', '{"version":2,"sweep":{},"guests":{}}'],
    ['no object', '[]'],
    ['without a sweep', '{"version":1,"guests":{}}'],
    [
      'with a guest that is none',
      '{"version":1,"sweep":{"at":"2026-11-24T14:00:00.000Z","guests_from":"bindings","broker_reachable":true,"checked":1,"reachable":1,"unreachable":0,"unknown":0,"duration_ms":1},"guests":{"__proto__":{}}}',
    ],
  ])('%s is begun anew and replaced, which is said once', async (_what, text) => {
    s3.objects.set(PATH, text);
    const story = await healthCheck().add(findings(A), soon());
    expect(story.problem).toMatchObject({ code: 'state_malformed' });
    expect(told(story)).toEqual([[A, 'unreachable']]);
    expect((await healthCheck().add(findings(A), soon())).problem).toBeUndefined();
  });

  test.each([
    ['denied', () => s3Error(403, 'AccessDenied'), 'AccessDenied'],
    ['broken for long', () => s3Error(503, 'SlowDown'), 'SlowDown'],
    ['in a bucket that is gone', () => s3Error(404, 'NoSuchBucket'), 'NoSuchBucket'],
  ])(
    '%s has nothing told and nothing written, until it can be read again',
    async (_what, answer, exception) => {
      await healthCheck().add(findings(), soon());
      const kept = s3.objects.get(PATH);
      s3.before = answer;
      const blind = await healthCheck().add(findings(A), soon());
      expect(blind.changes).toEqual([]);
      expect(blind.problem).toMatchObject({
        code: 'state_unreadable',
        message: expect.stringContaining(exception),
      });
      expect(s3.objects.get(PATH)).toBe(kept);
      s3.before = () => undefined;
      expect(told(await healthCheck().add(findings(A), soon()))).toEqual([[A, 'unreachable']]);
    },
  );

  test('too slow has nothing told, and is waited for until the deadline', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    s3.before = () => promise;
    const story = await healthCheck().add(findings(A), Deadline.in(300));
    resolve(undefined);
    expect(story).toMatchObject({ changes: [], problem: { code: 'state_unreadable' } });
  });

  test('not writable has the same told again with each sweep, until it is written', async () => {
    await healthCheck().add(findings(), soon());
    s3.before = (request) => (isPut(request) ? s3Error(403, 'AccessDenied') : undefined);
    for (const _ of [1, 2]) {
      const story = await healthCheck().add(findings(A), soon());
      expect(told(story)).toEqual([[A, 'unreachable']]);
      expect(story.problem).toMatchObject({
        code: 'state_not_kept',
        message: expect.stringContaining('AccessDenied'),
      });
    }
    s3.before = () => undefined;
    expect(told(await healthCheck().add(findings(A), soon()))).toEqual([[A, 'unreachable']]);
    expect(told(await healthCheck().add(findings(A), soon()))).toEqual([]);
  });
});

describe('two writers', () => {
  /** Lets another sweep be added to the state, each time just before a write of this one. */
  function race(others: Findings[]): Story[] {
    const stories: Story[] = [];
    let isRacing = false;
    s3.before = async (request) => {
      if (!isPut(request) || isRacing) return undefined;
      const sweep = others.shift();
      if (sweep === undefined) return undefined;
      isRacing = true;
      stories.push(await healthCheck().add(sweep, soon()));
      isRacing = false;
      return undefined;
    };
    return stories;
  }

  test('a writer that another one has overtaken adds its sweep to the other one’s state', async () => {
    await healthCheck().add(findings(), soon());
    const others = race([findings(A)]);
    const ours = await healthCheck().add(findings(A, B), soon());
    expect(others.map(told)).toEqual([[[A, 'unreachable']]]);
    expect(told(ours)).toEqual([[B, 'unreachable']]);
    expect(ours.problem).toBeUndefined();
    expect(Object.keys(ours.state?.guests ?? {}).sort()).toEqual([A, B]);
    expect(told(await healthCheck().add(findings(A, B), soon()))).toEqual([]);
  });

  test('two writers that begin anew at once tell each change once', async () => {
    const others = race([findings(A)]);
    const ours = await healthCheck().add(findings(A), soon());
    expect([...others, ours].flatMap(told)).toEqual([[A, 'unreachable']]);
  });

  test('a writer that is overtaken twice says so, and its changes are told again', async () => {
    await healthCheck().add(findings(), soon());
    race([findings(), findings()]);
    const ours = await healthCheck().add(findings(B), soon());
    expect(ours.problem).toMatchObject({ code: 'state_not_kept' });
    expect(told(ours)).toEqual([[B, 'unreachable']]);
    expect(told(await healthCheck().add(findings(B), soon()))).toEqual([[B, 'unreachable']]);
  });

  test('a state that is deleted between reading and writing is begun anew', async () => {
    await healthCheck().add(findings(), soon());
    s3.before = (request) => {
      if (isPut(request) && request.headers['if-match'] !== undefined) s3.objects.delete(PATH);
      return undefined;
    };
    const story = await healthCheck().add(findings(A), soon());
    expect(told(story)).toEqual([[A, 'unreachable']]);
    expect(story.problem).toMatchObject({ code: 'state_missing' });
  });

  test('a write whose answer is lost is not taken for another writer’s, and loses no change', async () => {
    await healthCheck().add(findings(), soon());
    let puts = 0;
    s3.after = (request) => (isPut(request) && ++puts === 1 ? s3Error(500, 'InternalError') : undefined);
    const story = await healthCheck().add(findings(A), soon());
    expect(puts).toBe(2); // the SDK's own repetition, which conflicts
    expect(told(story)).toEqual([[A, 'unreachable']]);
    expect(story.problem).toBeUndefined();
    expect(told(await healthCheck().add(findings(A), soon()))).toEqual([]);
  });
});
