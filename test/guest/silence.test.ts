import { describe, expect, jest, test } from '@jest/globals';
import {
  nextQuestionMs,
  Silence,
  type SilenceOptions,
  type WatchedPing,
} from '../../functions/guest/silence.ts';
import { MessageDeliveryFailure } from '../../functions/oslo/errors.ts';
import type { Inspector, QueueCounts } from '../../functions/oslo/inspector.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

const SCHEDULE = { firstMs: 250, askEveryMs: 2000, graceMs: 1000, lastMs: 13_900, answerTimeoutMs: 1000 };
const NOBODY: QueueCounts = { consumers: 0, messages: 3 };
const SOMEBODY: QueueCounts = { consumers: 1, messages: 0 };

/** The times of all questions during a wait in which every answer is the same, in milliseconds. */
function questions(schedule: typeof SCHEDULE, nobodySinceMs: number | undefined): number[] {
  const times: number[] = [];
  for (let next = schedule.firstMs; Number.isFinite(next); ) {
    times.push(next);
    next = nextQuestionMs(schedule, next, nobodySinceMs);
  }
  return times;
}

describe('questions about a silent guest', () => {
  test('a broker that reports a consumer is asked every two seconds, and shortly before the deadline', () => {
    expect(questions(SCHEDULE, undefined)).toEqual([250, 2250, 4250, 6250, 8250, 10_250, 12_250, 13_900]);
  });

  test('a broker that reports no consumer is asked again at the end of the grace', () => {
    expect(questions(SCHEDULE, 0).slice(0, 3)).toEqual([250, 1000, 3000]);
    expect(questions(SCHEDULE, 2250).slice(0, 4)).toEqual([250, 2250, 3250, 5250]);
  });

  test('a broker that reports a consumer is asked once more, before the deadline, where no rhythm is set', () => {
    const schedule = { ...SCHEDULE, askEveryMs: Number.POSITIVE_INFINITY };
    expect(questions(schedule, undefined)).toEqual([250, 13_900]);
  });
});

/** The silence of a guest; the broker gives the answers in turn, and the last one from then on. */
function silenceOf(
  answers: (QueueCounts | Promise<QueueCounts> | undefined | Error)[],
  options: Partial<SilenceOptions> = {},
) {
  const start = performance.now();
  const askedAt: number[] = [];
  const proofs = jest.fn(async () => undefined);
  const inspector: Pick<Inspector, 'listeners' | 'proveAlive'> = {
    proveAlive: proofs,
    listeners: async () => {
      askedAt.push(performance.now() - start);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const target = { exchange: 'trove', topic: 'guestagent.x' };
  const deadline = Deadline.in(15_000);
  const silence = new Silence(inspector, {
    target,
    deadline,
    graceMs: 1000,
    ...options,
  });
  return { silence, askedAt, proofs };
}

/** The same, watched since the ping was sent. */
function watched(
  answers: Parameters<typeof silenceOf>[0],
  { isConfirmed = true, ...options }: Partial<SilenceOptions & WatchedPing> = {},
) {
  const all = silenceOf(answers, options);
  const givenUp = jest.fn();
  all.silence.watch({ isConfirmed, reject: givenUp });
  return { ...all, givenUp };
}

describe('the wait for a silent guest', () => {
  test('a wait ends with NoConsumer when the grace is over and no consumer is there', async () => {
    const { givenUp, askedAt, silence } = watched([NOBODY]);
    await pass(999);
    expect(givenUp).not.toHaveBeenCalled();
    await pass(1);
    expect(givenUp).toHaveBeenCalledWith(expect.objectContaining({ name: 'NoConsumer' }));
    expect(askedAt).toEqual([250, 1000]);
    expect(silence.listeners).toEqual(NOBODY);
  });

  test('a wait ends with the error of a question, be it a dead connection or a bug', async () => {
    const dead = new MessageDeliveryFailure('unconfirmed', 'no sign of life');
    const first = watched([dead]);
    const bug = new TypeError('a bug');
    const second = watched([bug]);
    await pass(250);
    expect(first.givenUp).toHaveBeenCalledWith(dead);
    expect(second.givenUp).toHaveBeenCalledWith(bug);
  });

  test('a wait goes on when an agent comes back within the grace, which begins anew when the agent dies', async () => {
    const { givenUp } = watched([NOBODY, SOMEBODY, NOBODY]);
    await pass(3999); // asked at 250, 1000 and 3000, the grace is over at 4000
    expect(givenUp).not.toHaveBeenCalled();
    await pass(1);
    expect(givenUp).toHaveBeenCalled();
  });

  test('a wait goes on to the deadline when the broker does not report consumers', async () => {
    const { givenUp, silence } = watched([undefined]);
    await pass(15_000);
    expect(givenUp).not.toHaveBeenCalled();
    expect(silence.listeners).toBeUndefined();
  });

  test('the wait for a silent guest goes on when a later question is not answered, with what the broker had said before', async () => {
    const { givenUp, silence } = watched([SOMEBODY, undefined]);
    await pass(15_000);
    expect(givenUp).not.toHaveBeenCalled();
    expect(silence.listeners).toEqual(SOMEBODY);
  });

  test('the wait for a silent guest asks for signs of life alone while the broker has not taken the ping', async () => {
    const { askedAt, proofs } = watched([NOBODY], { isConfirmed: false });
    await pass(5000);
    expect(askedAt).toEqual([]);
    expect(proofs).toHaveBeenCalledTimes(3);
  });

  test('the wait for a silent guest asks nothing while the broker has not taken the ping of a sweep, which has its own proofs', async () => {
    const { askedAt, proofs } = watched([NOBODY], { isConfirmed: false, provesLife: false });
    await pass(15_000);
    expect(askedAt).toEqual([]);
    expect(proofs).not.toHaveBeenCalled();
  });

  test('the wait for a silent guest of a sweep asks once about a guest that nobody listens for, when the grace is over', async () => {
    const { askedAt, givenUp } = watched([NOBODY], {
      firstQuestionMs: 1000,
      askEveryMs: Number.POSITIVE_INFINITY,
    });
    await pass(999);
    expect(askedAt).toEqual([]);
    await pass(1);
    expect(askedAt).toEqual([1000]);
    expect(givenUp).toHaveBeenCalled();
  });

  test('a wait that has ended asks no more questions, and leaves no timer', async () => {
    const { silence, askedAt } = watched([SOMEBODY]);
    await pass(250);
    silence.end();
    await pass(20_000);
    expect(askedAt).toEqual([250]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a wait that ends while a question is under way sets no timer when the answer comes', async () => {
    const { promise: answer, resolve } = Promise.withResolvers<QueueCounts>();
    const { silence } = watched([answer]);
    await pass(250);
    silence.end();
    resolve(SOMEBODY);
    await pass(0);
    expect(jest.getTimerCount()).toBe(0);
    expect(silence.listeners).toBeUndefined();
  });

  test('a wait that is watched only after a while asks at the same times since the ping', async () => {
    const { silence, askedAt } = silenceOf([SOMEBODY]);
    await pass(100);
    silence.watch({ isConfirmed: true, reject: () => undefined });
    await pass(14_900);
    expect([...askedAt.slice(0, 2), askedAt.at(-1)]).toEqual([250, 2250, 13_900]);
  });

  test('a wait of 200 ms asks its first and last question within that time', async () => {
    const { askedAt } = watched([SOMEBODY], { deadline: Deadline.in(200) });
    await pass(200);
    expect(askedAt[0]).toBe(50);
    expect(askedAt.at(-1)).toBeLessThan(200);
  });
});
