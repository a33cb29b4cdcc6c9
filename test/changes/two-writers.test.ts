import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FleetHistory } from '../../functions/changes/fleet-history.ts';
import { readMuteRequest, withMutes } from '../../functions/changes/mutes.ts';
import { Archive } from '../../functions/history/archive.ts';
import { openStateStore, type StateLocation } from '../../functions/store/state-location.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';
import { S3StandIn, s3Error } from '../setup/s3-stand-in.ts';
import { GUESTS, RULES, silentResult } from './results.ts';

const { env } = process;
const originalEnv = { ...env };
const [A, B] = GUESTS;
const HOUR = 3_600_000;

let s3: S3StandIn;
let folder: TemporaryFolder;

beforeAll(async () => {
  s3 = await S3StandIn.start();
  folder = new TemporaryFolder('two-writers');
  Object.assign(env, s3.aws.settings);
});
afterAll(async () => {
  for (const name of Object.keys(env)) if (!(name in originalEnv)) delete env[name];
  Object.assign(env, originalEnv);
  await s3.aws.close();
  await folder.remove();
});

const soon = () => Deadline.in(20_000);

/** What each writer has of its own: the way to the shared state. */
function writer(location: StateLocation): FleetHistory {
  const archive = new Archive(location);
  return new FleetHistory(openStateStore(location), archive, { ...RULES, unreachableAfterSweeps: 1 });
}

function mute(target: string): Parameters<FleetHistory['edit']>[0] {
  const request = readMuteRequest({ mute: { target, for: '2h' } });
  return (state) => (request ? withMutes(state, request, new Date(HOUR)) : state);
}

describe.each(['a file', 'an object of S3'])('two writers of %s', (kind) => {
  let states = 0;
  const newPlace = (): StateLocation =>
    kind === 'a file'
      ? { path: folder.file(`${++states}/fleet.json`) }
      : { bucket: 'fleet', key: `${++states}/fleet-state.json` };

  test('a sweep and a mute at once: neither loses what the other wrote', async () => {
    for (let round = 0; round < 3; round++) {
      const place = newPlace();
      await writer(place).add(silentResult(), soon());
      const loaded = await writer(place).load(soon()); // before a sweep, which takes long
      const [outcome, state] = await Promise.all([
        writer(place).add(silentResult(A), soon(), loaded),
        writer(place).edit(mute(B), soon()),
      ]);
      expect(outcome.changes).toMatchObject([{ instance_id: A, change: 'unreachable' }]);
      expect(outcome.problem).toBeUndefined();
      expect(state.mutes).toMatchObject([{ target: B }]);
      const saved = await writer(place).edit((same) => same, soon());
      expect(saved).toMatchObject({ guests: { [A]: { reported: 'unreachable' } }, mutes: [{ target: B }] });
    }
  });

  test('two mutes at once are both kept', async () => {
    const place = newPlace();
    await writer(place).add(silentResult(), soon());
    await Promise.all([A, B].map((id) => writer(place).edit(mute(id), soon())));
    const { mutes } = await writer(place).edit((same) => same, soon());
    expect(mutes?.map(({ target }) => target).sort()).toEqual([A, B]);
  });

  test('without a state there is nothing to mute', async () => {
    await expect(writer(newPlace()).edit(mute(A), soon())).rejects.toMatchObject({
      code: 'state_unavailable',
    });
  });

  test('two writers of the history at once lose no line of it', async () => {
    const place = newPlace();
    const archive = new Archive(place);
    const lineOf = (id: string) => {
      const at = '2026-11-24T14:00:00.000Z';
      return { at, instance_id: id, change: 'unreachable', reason: 'no_reply', since: at };
    };
    await archive.file([lineOf(A)], soon());
    await Promise.all([archive.file([lineOf(A), lineOf(B)], soon()), archive.file([lineOf(A)], soon())]);
    const [since, until] = [new Date('2026-10-30T00:00:00Z'), new Date('2026-12-01T00:00:00Z')];
    expect(await archive.read(since, until, soon())).toEqual([lineOf(A), lineOf(B)]);
    expect(await archive.read(since, until, soon(), B)).toEqual([lineOf(B)]);
  });
});

test('a write whose answer is lost is the mute that was asked for, and is made once', async () => {
  const place = { bucket: 'fleet', key: 'lost/fleet-state.json' };
  await writer(place).add(silentResult(), soon());
  s3.after = ({ method }) => (method === 'PUT' ? s3Error(500, 'InternalError') : undefined);
  await writer(place)
    .edit(mute(A), soon())
    .catch(() => undefined);
  s3.after = () => undefined;
  expect((await writer(place).edit((same) => same, soon())).mutes).toHaveLength(1);
});

describe('the history', () => {
  const place = { bucket: 'fleet', key: 'history-of/fleet-state.json' };
  const month = () => s3.objects.get('/fleet/history-of/history/1970-01.jsonl')?.trim().split('\n') ?? [];
  const later = (result: ReturnType<typeof silentResult>, hours: number) => {
    const endedAt = new Date(result.endedAt.getTime() + hours * HOUR);
    return { ...result, startedAt: endedAt, endedAt, failedAt: () => endedAt };
  };

  test('changes wait in the state for an hour, are then filed once, and wait on where that fails', async () => {
    await writer(place).add(silentResult(), soon());
    const first = await writer(place).add(silentResult(A), soon());
    expect(first.state?.unfiled).toMatchObject([{ instance_id: A, change: 'unreachable' }]);
    expect(month()).toEqual([]);
    s3.before = ({ method, path }) =>
      method === 'PUT' && path.includes('/history/') ? s3Error(403, 'AccessDenied') : undefined;
    const denied = await writer(place).add(later(silentResult(), 2), soon());
    expect(denied.problem).toMatchObject({
      code: 'history_not_kept',
      message: expect.stringMatching(/1970-01.jsonl cannot be written: AccessDenied\. /),
    });
    expect(denied.state?.unfiled).toHaveLength(2);
    s3.before = () => undefined;
    const filed = await writer(place).add(later(silentResult(), 4), soon());
    expect([filed.problem, filed.state?.unfiled]).toEqual([undefined, undefined]);
    expect(month().map((line) => JSON.parse(line).change)).toEqual(['unreachable', 'reachable']);
  });

  test('a day that is over leaves the round trips of its guests, and nothing of each sweep', async () => {
    await writer(place).add(later(silentResult(), 30), soon());
    const { state } = await writer(place).add(later(silentResult(), 32), soon());
    expect(state?.round_trips?.guests[A]).toMatch(/^\d+:2$/);
    const days = month().filter((line) => line.includes('"day"'));
    expect(days.map((line) => JSON.parse(line))).toMatchObject([
      { day: '1970-01-01', round_trips: { [A]: [1, 1] } },
    ]);
  });
});
