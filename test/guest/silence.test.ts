import { describe, expect, jest, test } from '@jest/globals';
import { Silence, type WatchedPing } from '../../functions/guest/silence.ts';
import { PingTiming } from '../../functions/guest/timing.ts';
import { MessageDeliveryFailure } from '../../functions/oslo/errors.ts';
import type { Inspector, QueueCounts } from '../../functions/oslo/inspector.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

const TARGET = { exchange: 'trove', topic: 'guestagent.x' };
const NOBODY: QueueCounts = { consumers: 0, messages: 3 };
const SOMEBODY: QueueCounts = { consumers: 1, messages: 0 };

const single = (timeoutMs = 15_000) => new PingTiming('single', Deadline.in(timeoutMs), 1000);
const inSweep = () => new PingTiming('sweep', Deadline.in(15_000), 1000);

/** The silence of a guest; the broker gives the answers in turn, and the last one from then on. */
function silenceOf(
  answers: (QueueCounts | 'missing' | 'down' | Promise<QueueCounts> | undefined | Error)[],
  timing: PingTiming = single(),
) {
  const start = performance.now();
  const askedAt: number[] = [];
  const proofs = jest.fn(async () => undefined);
  const inspector: Pick<Inspector, 'queueCounts' | 'proveAlive'> = {
    proveAlive: proofs,
    queueCounts: async () => {
      askedAt.push(performance.now() - start);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  return { silence: new Silence(inspector, TARGET, timing), askedAt, proofs };
}

/** The same, watched since the ping was sent. */
function watched(
  answers: Parameters<typeof silenceOf>[0],
  timing = single(),
  { isPlain = true, isUnconfirmed = false }: Partial<WatchedPing> = {},
) {
  const all = silenceOf(answers, timing);
  const ping = { isPlain, isUnconfirmed, sendAgain: jest.fn(), reject: jest.fn() };
  all.silence.watch(ping);
  return { ...all, givenUp: ping.reject, sentAgain: ping.sendAgain };
}

describe('a ping that is not answered', () => {
  test.each([
    ['a consumer is there', SOMEBODY, true],
    ['the broker does not say who consumes', undefined, true],
    ['nobody consumes, and it waits', NOBODY, false],
    ['nobody consumes, and it does not wait', { consumers: 0, messages: 0 }, true],
  ])('is sent again: when %s, %s, %s', async (_what, answer, isSentAgain) => {
    const { sentAgain } = watched([answer]);
    await pass(900);
    expect(sentAgain.mock.calls.length > 0).toBe(isSentAgain);
  });

  test('is sent again when the first agent is there that consumes', async () => {
    const { sentAgain } = watched([NOBODY, SOMEBODY]);
    await pass(999);
    expect(sentAgain).not.toHaveBeenCalled();
    await pass(1);
    expect(sentAgain).toHaveBeenCalled();
  });

  test('is sent again after 250 ms when the broker does not answer who consumes', async () => {
    const { sentAgain } = watched([Promise.withResolvers<QueueCounts>().promise]);
    await pass(249);
    expect(sentAgain).not.toHaveBeenCalled();
    await pass(1);
    expect(sentAgain).toHaveBeenCalled();
  });

  test('is sent again in a sweep where several agents consume, of which one may hang, and else is not', async () => {
    const several = watched([{ consumers: 2, messages: 0 }], inSweep(), { isPlain: false });
    const one = watched([SOMEBODY], inSweep(), { isPlain: false });
    await pass(15_000);
    expect(several.sentAgain).toHaveBeenCalled();
    expect(one.sentAgain).not.toHaveBeenCalled();
  });

  test('is in vain when its guest has no queue', async () => {
    const { givenUp } = watched(['missing']);
    await pass(100);
    expect(givenUp).toHaveBeenCalledWith(expect.objectContaining({ name: 'MessageUndeliverable' }));
  });
});

test('a queue whose broker node is down is refused like one that takes nothing, also where the ping was returned', async () => {
  const { givenUp } = watched(['down']);
  await pass(100);
  expect(givenUp).toHaveBeenCalledWith(expect.objectContaining({ how: 'nacked' }));
  const { silence } = silenceOf(['down']);
  expect(silence.downFailure).toBeUndefined();
  expect(await silence.askOnceMore()).toBeUndefined();
  expect(silence.downFailure).toMatchObject({ how: 'nacked' });
});

describe('the wait for a silent guest', () => {
  test('a wait ends with NoConsumer when the grace is over and no consumer is there', async () => {
    const { givenUp, askedAt, silence } = watched([NOBODY]);
    await pass(999);
    expect(givenUp).not.toHaveBeenCalled();
    await pass(1);
    expect(givenUp).toHaveBeenCalledWith(expect.objectContaining({ name: 'NoConsumer' }));
    expect(askedAt).toEqual([100, 1000]);
    expect(silence.queue).toEqual(NOBODY);
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
    await pass(3999); // asked at 100, 1000 and 3000, the grace is over at 4000
    expect(givenUp).not.toHaveBeenCalled();
    await pass(1);
    expect(givenUp).toHaveBeenCalled();
  });

  test('a wait goes on to the deadline when the broker does not report consumers', async () => {
    const { givenUp, silence } = watched([undefined]);
    await pass(15_000);
    expect(givenUp).not.toHaveBeenCalled();
    expect(silence.queue).toBeUndefined();
  });

  test('the wait for a silent guest goes on when a later question is not answered, with what the broker had said before', async () => {
    const { givenUp, silence } = watched([SOMEBODY, undefined]);
    await pass(15_000);
    expect(givenUp).not.toHaveBeenCalled();
    expect(silence.queue).toEqual(SOMEBODY);
  });

  test('the wait for a silent guest asks for signs of life alone while the broker has not taken the ping', async () => {
    const { askedAt, proofs } = watched([NOBODY], single(), { isUnconfirmed: true });
    await pass(5000);
    expect(askedAt).toEqual([]);
    expect(proofs).toHaveBeenCalledTimes(3);
  });

  test('the wait for a silent guest asks nothing while the broker has not taken the ping of a sweep, which has its own proofs', async () => {
    const { askedAt, proofs } = watched([NOBODY], inSweep(), { isUnconfirmed: true });
    await pass(15_000);
    expect(askedAt).toEqual([]);
    expect(proofs).not.toHaveBeenCalled();
  });

  test('the wait for a silent guest of a sweep asks once about a guest that nobody listens for, when the grace is over', async () => {
    const { askedAt, givenUp } = watched([NOBODY], inSweep());
    await pass(999);
    expect(askedAt).toEqual([]);
    await pass(1);
    expect(askedAt).toEqual([1000]);
    expect(givenUp).toHaveBeenCalled();
  });

  test.each([
    ['three seconds', 3000, 3000],
    ['ten seconds, for the last time that there is', 10_000, 6750],
  ])(
    'the wait for a silent guest among others that are slow asks nothing for %s',
    async (_what, silenceMs, ms) => {
      const { askedAt } = watched(
        [NOBODY],
        new PingTiming('sweep', Deadline.in(15_000), 1000, { silenceMs: () => silenceMs }),
      );
      await pass(ms - 1);
      expect(askedAt).toEqual([]);
      await pass(10_000);
      expect(askedAt).toEqual([ms]);
    },
  );

  test('a wait that has ended asks no more questions, and leaves no timer', async () => {
    const { silence, askedAt } = watched([SOMEBODY]);
    await pass(250);
    silence.end();
    await pass(20_000);
    expect(askedAt).toEqual([100]);
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
    expect(silence.queue).toBeUndefined();
  });

  test('a wait that is watched only after a while asks at the same times since the ping', async () => {
    const { silence, askedAt } = silenceOf([SOMEBODY]);
    await pass(100);
    silence.watch({
      isPlain: true,
      isUnconfirmed: false,
      sendAgain: () => undefined,
      reject: () => undefined,
    });
    await pass(14_900);
    expect([...askedAt.slice(0, 2), askedAt.at(-1)]).toEqual([100, 2100, 13_900]);
  });

  test('a wait of 200 ms asks its first and last question within that time', async () => {
    const { askedAt } = watched([SOMEBODY], single(200));
    await pass(200);
    expect(askedAt[0]).toBe(25);
    expect(askedAt.at(-1)).toBeLessThan(200);
  });
});
