import { describe, expect, test } from '@jest/globals';
import { nextQuestionMs, PingTiming } from '../../functions/guest/timing.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

const NEVER = Number.POSITIVE_INFINITY;

describe('the time-line of a ping', () => {
  test.each([
    [
      'a single ping of 15 s of a guest that has answered, on a connection that was open before',
      pingOf('single', 15_000, { hasAnswered: true }),
      {
        silentAfterMs: 100,
        firstQuestionMs: 100,
        sendAgainMs: 250,
        askEveryMs: 2000,
        answerTimeoutMs: 1000,
        signOfLifeMs: 1000,
        ownChannelAfterMs: 1000,
        lastSendMs: 10_000,
        lastQuestionMs: 13_900,
        provesLife: true,
      },
    ],
    [
      'a single ping on a new connection',
      pingOf('single', 15_000, { isReused: false }),
      { signOfLifeMs: NEVER, silentAfterMs: 0 },
    ],
    [
      'a single ping of 0.4 s',
      pingOf('single', 400, { hasAnswered: true }),
      {
        silentAfterMs: 50,
        firstQuestionMs: 50,
        sendAgainMs: 100,
        answerTimeoutMs: 200,
        lastQuestionMs: expect.closeTo(180),
        signOfLifeMs: 400,
      },
    ],
    [
      'a ping of a sweep, of 15 s',
      pingOf('sweep', 15_000),
      {
        silentAfterMs: 0,
        firstQuestionMs: 1000,
        askEveryMs: 15_000,
        answerTimeoutMs: 7500,
        signOfLifeMs: 10_000,
        ownChannelAfterMs: 1000,
        lastSendMs: 10_000,
        lastQuestionMs: 6750,
        provesLife: false,
      },
    ],
    ['a ping of a sweep, of 2 s', pingOf('sweep', 2000), { firstQuestionMs: 500, answerTimeoutMs: 1000 }],
    [
      'a ping whose time is over',
      pingOf('single', 0),
      { silentAfterMs: 0, lastSendMs: 0, lastQuestionMs: 0 },
    ],
  ])('%s', (_which, timing, expected) => {
    expect(timing()).toMatchObject(expected);
  });

  function pingOf(kind: 'single' | 'sweep', timeoutMs: number, options = {}) {
    return () => new PingTiming(kind, Deadline.in(timeoutMs), 1000, options);
  }
});

describe('questions about a silent guest', () => {
  const single = { askEveryMs: 2000, graceMs: 1000, lastQuestionMs: 13_900 };

  test.each([
    ['with a consumer', single, undefined, [250, 2250, 4250, 6250, 8250, 10_250, 12_250, 13_900]],
    [
      'without a consumer since the ping',
      single,
      0,
      [250, 1000, 3000, 5000, 7000, 9000, 11_000, 13_000, 13_900],
    ],
    [
      'without a consumer since the second question',
      single,
      2250,
      [250, 2250, 3250, 5250, 7250, 9250, 11_250, 13_250, 13_900],
    ],
    ['in a sweep', { ...single, askEveryMs: NEVER }, undefined, [250, 13_900]],
  ])('%s', (_which, timing, withoutConsumerSinceMs, expected) => {
    const asked: number[] = [];
    for (let next = 250; next !== NEVER; next = nextQuestionMs(timing, next, withoutConsumerSinceMs))
      asked.push(next);
    expect(asked).toEqual(expected);
  });
});
