import { expect, test } from '@jest/globals';
import type { PingResult } from '../../functions/guest/ping-result.ts';
import { REASONS, type Reason } from '../../functions/guest/reason.ts';
import { answer } from '../../functions/http/answer.ts';

const NO_WAIT = { wantedSeconds: undefined, allowedMs: 15_000 };
const TEXT = 'An error occurred communicating with the guest: why.';

function faultOf(result: PingResult): { headers: Record<string, string> } {
  try {
    answer(result, NO_WAIT);
  } catch (fault) {
    return Object(fault);
  }
  throw new Error('No fault');
}

test('a pong is 204 without a body', () => {
  expect(answer({ reachable: true, roundTripMs: 1.87 }, NO_WAIT)).toEqual({
    statusCode: 204,
    headers: { 'Content-Type': 'application/json', 'Content-Length': '0' },
  });
});

const OTHERS = Object.keys(REASONS).filter((reason) => reason !== 'broker_unreachable');

test.each(OTHERS)('%s is 400 with its proxy error', (name) => {
  const reason = name as Exclude<Reason, 'broker_unreachable'>;
  const { proxyError } = REASONS[reason];
  const result = { reachable: false, reason, cause: 'why' } as PingResult;
  expect(faultOf(result)).toMatchObject({
    statusCode: 400,
    message: `{"badRequest": {"message": "${TEXT}", "code": 400}}`,
    headers: { 'Proxy-Status': `guest-rpc-ping; error=${proxyError}; details="${reason}"` },
  });
});

test('broker_unreachable names how', () => {
  const result = {
    reachable: false,
    reason: 'broker_unreachable',
    cause: 'why',
    proxyError: 'dns_error',
  } as const;
  expect(faultOf(result).headers).toMatchObject({
    'Proxy-Status': 'guest-rpc-ping; error=dns_error; details="broker_unreachable"',
  });
});

test.each([
  [5, 5000, 'wait=5'],
  [60, 15_000, 'wait=15'],
  [5, 4321, undefined],
  [undefined, 15_000, undefined],
])(
  'of a wait of %s s, of which %d ms were allowed, the answer says %s',
  (wantedSeconds, allowedMs, applied) => {
    const { headers } = answer({ reachable: true, roundTripMs: 1 }, { wantedSeconds, allowedMs });
    expect(headers?.['Preference-Applied']).toBe(applied);
  },
);

test('a traceback is not in the answer', () => {
  const answered = {
    reachable: false,
    reason: 'guest_error',
    cause: 'why',
    roundTripMs: 3,
    traceback: 'secret',
  } as const;
  expect(JSON.stringify(faultOf(answered))).not.toContain('secret');
});
