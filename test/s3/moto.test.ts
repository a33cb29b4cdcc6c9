import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { FleetHistory } from '../../functions/changes/fleet-history.ts';
import { Archive } from '../../functions/history/archive.ts';
import { s3Object } from '../../functions/store/s3-object.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { GUESTS, RULES, silentResult } from '../changes/results.ts';
import { MotoServer } from './moto-server.ts';

const { env } = process;

let server: MotoServer;

beforeAll(async () => {
  server = await MotoServer.start();
  await server.createBucket('fleet');
  Object.assign(env, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    AWS_ENDPOINT_URL_S3: server.url,
  });
}, 300_000);
afterAll(() => server.stop());

const soon = () => Deadline.in(10_000);

test('an object is missing, made, read back byte for byte, and not made twice', async () => {
  const store = s3Object('fleet', 'folder/one.json');
  await expect(store.read(soon())).resolves.toBeUndefined();
  await store.replace(undefined, '{"a":"– “1”"}', soon());
  const kept = await store.read(soon());
  expect(kept).toEqual({ text: '{"a":"– “1”"}', version: expect.stringMatching(/^"[0-9a-f]{32}"$/) });
  await expect(store.replace(undefined, 'other', soon())).rejects.toMatchObject({ code: 'state_conflict' });
  await store.replace(kept?.version, 'two', soon());
  await expect(store.read(soon())).resolves.toMatchObject({ text: 'two' });
});

test('a bucket that is missing makes the state unavailable, and is not taken for a missing object', async () => {
  const store = s3Object('nowhere', 'one.json');
  const unavailable = { code: 'state_unavailable', exception: 'NoSuchBucket' };
  await expect(store.read(soon())).rejects.toMatchObject(unavailable);
  await expect(store.replace(undefined, 'x', soon())).rejects.toMatchObject(unavailable);
});

test('the history of a guest goes on from sweep to sweep', async () => {
  const store = s3Object('fleet', 'state.json');
  const archive = new Archive({ bucket: 'fleet', key: 'fleet-state.json' });
  const health = () => new FleetHistory(store, archive, RULES);
  const [guest] = GUESTS;
  const reported: string[][] = [];
  for (const silent of [[], [guest], [guest], [guest], [], []]) {
    const { changes } = await health().add(silentResult(...silent), soon());
    reported.push(changes.map(({ change }) => change));
  }
  expect(reported).toEqual([[], [], ['unreachable'], [], ['reachable'], []]);
});
