import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { s3Object } from '../../functions/store/s3-object.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { S3StandIn, s3Error } from '../setup/s3-stand-in.ts';
import { testStore } from './store-contract.ts';

const { env } = process;
const originalEnv = { ...env };

let s3: S3StandIn;
let objects = 0;

beforeAll(async () => {
  s3 = await S3StandIn.start();
  Object.assign(env, s3.aws.settings, { AWS_USE_DUALSTACK_ENDPOINT: 'true' }); // as where Amazon MQ is asked
});
afterEach(() => {
  s3.before = () => undefined;
  s3.aws.requests.length = 0;
});
afterAll(async () => {
  for (const name of Object.keys(env)) if (!(name in originalEnv)) delete env[name];
  await s3.aws.close();
});

function open() {
  return s3Object('fleet', `state-${objects++}.json`);
}
const soon = () => Deadline.in(10_000);

describe('an object of S3', () => {
  test.each([
    [403, 'AccessDenied'],
    [404, 'NoSuchBucket'],
    [301, 'PermanentRedirect'],
  ])('an answer with status %i and the code %s is named in what is thrown', async (status, code) => {
    s3.before = () => s3Error(status, code);
    const unavailable = { code: 'state_unavailable', exception: code };
    await expect(open().read(soon())).rejects.toMatchObject(unavailable);
    await expect(open().replace(undefined, 'x', soon())).rejects.toMatchObject(unavailable);
  });

  test('a permission that S3 says is missing is named, be it its own or that of the key', async () => {
    const text =
      'User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: kms:Decrypt on the resource';
    s3.before = () => s3Error(403, 'AccessDenied', text);
    await expect(open().read(soon())).rejects.toThrow(
      /cannot be read for want of kms:Decrypt: AccessDenied$/,
    );
  });

  test('an S3 that is busy for a moment is asked once more', async () => {
    s3.before = () => (s3.aws.requests.length === 1 ? s3Error(503, 'SlowDown') : undefined);
    await open().replace(undefined, 'x', soon());
    expect(s3.requests).toHaveLength(2);
  });

  test('an S3 that does not answer is waited for until the deadline', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    s3.before = () => promise;
    const unavailable = { code: 'state_unavailable', exception: 'TimeoutError' };
    await expect(open().read(Deadline.in(200))).rejects.toMatchObject(unavailable);
    await expect(open().replace(undefined, 'x', Deadline.in(200))).rejects.toMatchObject(unavailable);
    resolve(undefined);
  });

  test('a body that never ends is waited for until the deadline', async () => {
    s3.before = () => ({ headers: { etag: '"1"', 'content-length': '1000' }, body: '{"version":' });
    await expect(open().read(Deadline.in(500))).rejects.toMatchObject({
      code: 'state_unavailable',
      exception: 'TimeoutError',
    });
  });

  test('an S3 that cannot be reached makes the state unavailable', async () => {
    const there = env['AWS_ENDPOINT_URL_S3'];
    env['AWS_ENDPOINT_URL_S3'] = 'http://127.0.0.1:1';
    const [read] = await Promise.allSettled([open().read(soon())]);
    env['AWS_ENDPOINT_URL_S3'] = there;
    expect(read).toMatchObject({ status: 'rejected', reason: { code: 'state_unavailable' } });
  });

  test('more than a state can be is not written, and read as an empty text', async () => {
    const [store, text] = [open(), 'x'.repeat(17 * 1024 * 1024)];
    await expect(store.replace(undefined, text, soon())).rejects.toMatchObject({
      exception: 'EntityTooLarge',
    });
    await store.replace(undefined, 'x', soon());
    for (const path of s3.objects.keys()) s3.objects.set(path, text);
    await expect(store.read(soon())).resolves.toMatchObject({ text: '' });
  });

  test.each([
    [412, 'PreconditionFailed'],
    [404, 'NoSuchKey'],
    [409, 'ConditionalRequestConflict'],
    [409, 'OperationAborted'],
  ])('a write that S3 refuses with %i %s is a conflict', async (status, code) => {
    s3.before = () => s3Error(status, code);
    await expect(open().replace('"1"', 'x', soon())).rejects.toMatchObject({ code: 'state_conflict' });
  });

  testStore(open);
});
