import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { KeystoneApi } from '../../functions/keystone/keystone-api.ts';
import { TokenValidator } from '../../functions/keystone/token-validator.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { KeystoneStandIn, refuse, vouchFor } from '../setup/keystone-stand-in.ts';

let keystone: KeystoneStandIn;
let validator: TokenValidator;

beforeEach(async () => {
  // The wall clock alone: connections and time-outs are real.
  jest.useFakeTimers({
    now: Date.parse('2026-01-01T00:00:00Z'),
    doNotFake: [
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
  keystone = await KeystoneStandIn.start();
  validator = new TokenValidator(new KeystoneApi(keystone.url));
});
afterEach(async () => {
  jest.useRealTimers();
  await keystone[Symbol.asyncDispose]();
});

function validate(token: string | undefined): Promise<unknown> {
  return validator.validate(token, Deadline.in(3000));
}

function laterBy(seconds: number): void {
  jest.setSystemTime(Date.now() + seconds * 1000);
}

test.each([
  ['no token', undefined, 'token_missing'],
  ['an empty one', '', 'token_missing'],
  ['one of 8200 characters', 'x'.repeat(8200), 'token_too_long'],
  ['one with a line break in it', 'x\r\nX-Other: y', 'token_unknown'],
  ['one beyond ASCII', 'tökén', 'token_unknown'],
  ['two that a gateway has joined', 'one, two', 'token_unknown'],
])('%s is refused without a question to Keystone', async (_what, token, code) => {
  await expect(validate(token)).rejects.toMatchObject({ name: 'Unauthenticated', code });
  expect(keystone.asked).toEqual([]);
});

test('a bad token is refused for 5 s without another question, and asked about again after that', async () => {
  keystone.handle = refuse();
  for (let count = 0; count < 10; count++)
    await expect(validate('bad')).rejects.toMatchObject({ code: 'token_unknown' });
  expect(keystone.asked).toEqual(['bad']);
  keystone.handle = vouchFor();
  laterBy(4.9);
  await expect(validate('bad')).rejects.toMatchObject({ code: 'token_unknown' });
  laterBy(0.2);
  expect(await validate('bad')).toMatchObject({ userName: 'boss' });
});

test('a clock that is set back keeps no token bad, and no limit reached', async () => {
  keystone.handle = refuse();
  await expect(validate('bad')).rejects.toMatchObject({ code: 'token_unknown' });
  for (let count = 0; count < 60; count++) await expect(validate(`bad-${count}`)).rejects.toThrow();
  keystone.handle = vouchFor();
  laterBy(-3600);
  await expect(validate('another')).rejects.toMatchObject({ code: 'too_many_bad_tokens' });
  laterBy(5);
  expect(await validate('bad')).toMatchObject({ userName: 'boss' });
});

test('a token that was revoked is refused 300 s after it was good, at the latest', async () => {
  await validate('good');
  keystone.handle = refuse();
  laterBy(299.9);
  expect(await validate('good')).toMatchObject({ userName: 'boss' });
  laterBy(0.2);
  await expect(validate('good')).rejects.toMatchObject({ code: 'token_unknown' });
  expect(keystone.asked).toEqual(['good', 'good']);
});

test('a token that is used all the time is asked about again every 300 s all the same', async () => {
  for (let seconds = 0; seconds < 900; seconds += 10) {
    await validate('good');
    laterBy(10);
  }
  expect(keystone.asked).toHaveLength(3);
});

test('a good token is refused from the moment of its expiry on, however recently it was good', async () => {
  keystone.handle = vouchFor({ expiresAt: '2026-01-01T00:01:00.000000Z' });
  await validate('good');
  laterBy(59.9);
  await validate('good');
  laterBy(0.1);
  await expect(validate('good')).rejects.toMatchObject({ code: expect.stringMatching(/^token_/) });
});

test('a token that Keystone calls good, though it has expired by our clock, is refused', async () => {
  keystone.handle = vouchFor({ expiresAt: '2025-12-31T23:59:59.000000Z' });
  await expect(validate('late')).rejects.toMatchObject({ code: 'token_expired' });
  await expect(validate('late')).rejects.toMatchObject({ code: 'token_expired' });
  expect(keystone.asked).toHaveLength(1);
});

test('two hundred requests at once with one unknown token ask Keystone once', async () => {
  await Promise.all(Array.from({ length: 200 }, () => validate('good')));
  expect(keystone.asked).toEqual(['good']);
});

test('two hundred requests at once with one bad token ask Keystone once', async () => {
  keystone.handle = refuse();
  const results = await Promise.allSettled(Array.from({ length: 200 }, () => validate('bad')));
  expect(results.every(({ status }) => status === 'rejected')).toBe(true);
  expect(keystone.asked).toEqual(['bad']);
});

test("Keystone's trouble is not remembered: the next request asks again", async () => {
  keystone.handle = (_request, response) => response.writeHead(500).end();
  await expect(validate('good')).rejects.toMatchObject({ code: 'keystone_unavailable' });
  keystone.handle = vouchFor();
  expect(await validate('good')).toMatchObject({ userName: 'boss' });
});

/** A token of Fernet's form, made a while ago by our clock. */
function fernet(name: string, ageSeconds = 60): string {
  const head = Buffer.alloc(9, 0x80);
  head.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000) - ageSeconds), 1);
  return head.toString('base64url') + name.padStart(180, '-');
}

test('a token of a federated user with 150 groups is asked about', async () => {
  expect(await validate(`gAAAAA${'x'.repeat(8000)}`)).toMatchObject({ userName: 'boss' });
});

test('bad tokens without end ask Keystone fifty times, then ten times a second, and known callers are let in', async () => {
  await validate('known');
  keystone.handle = refuse();
  expect(await codesOf(2000, (count) => `random-${count}`)).toEqual({
    token_unknown: 50,
    too_many_bad_tokens: 1950,
  });
  expect(await validate('known')).toMatchObject({ userName: 'boss' });
  laterBy(1);
  expect(await codesOf(50, (count) => `more-${count}`)).toEqual({
    token_unknown: 10,
    too_many_bad_tokens: 40,
  });
  laterBy(0.1);
  keystone.handle = vouchFor();
  expect(await validate('a-new-caller')).toMatchObject({ userName: 'boss' });
});

test("bad tokens without end do not shut out a new token of Keystone's form", async () => {
  keystone.handle = refuse();
  await codesOf(1000, (count) => `random-${count}`);
  keystone.handle = vouchFor();
  for (let count = 0; count < 73; count++)
    expect(await validate(fernet(`${count}`))).toMatchObject({ userName: 'boss' });
});

test('tokens that were refused, sent again and again, do not shut out a new one', async () => {
  keystone.handle = refuse();
  await codesOf(40, (count) => fernet(`old-${count}`));
  for (let round = 0; round < 10; round++) {
    laterBy(6);
    await codesOf(100, (count) => fernet(`old-${count % 40}`));
  }
  await codesOf(100, (count) => `random-${count}`);
  keystone.handle = vouchFor();
  expect(await validate(fernet('new'))).toMatchObject({ userName: 'boss' });
});

test("made-up tokens of Keystone's form do not shut out a fresh one", async () => {
  keystone.handle = refuse();
  const madeUp = (count: number) => fernet(`forged-${count}`, 86_400 * (8 + count));
  expect(await codesOf(300, madeUp)).toEqual({ token_unknown: 75, too_many_bad_tokens: 225 });
  keystone.handle = vouchFor();
  expect(await validate(fernet('new'))).toMatchObject({ userName: 'boss' });
});

test("forged tokens of Keystone's form ask Keystone a hundred times at most", async () => {
  keystone.handle = refuse();
  expect(await codesOf(300, (count) => fernet(`forged-${count}`))).toEqual({
    token_unknown: 100,
    too_many_bad_tokens: 200,
  });
});

async function codesOf(count: number, token: (index: number) => string): Promise<Record<string, number>> {
  const codes: Record<string, number> = {};
  for (let index = 0; index < count; index++) {
    const { code } = await validate(token(index)).then(Object, Object);
    codes[code] = (codes[code] ?? 0) + 1;
  }
  return codes;
}

test('good tokens may be new without end', async () => {
  for (let count = 0; count < 500; count++) await validate(`good-${count}`);
  expect(keystone.asked).toHaveLength(500);
});
