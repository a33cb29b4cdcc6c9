import { describe, expect, jest, test } from '@jest/globals';
import { Liveness } from '../../functions/oslo/liveness.ts';
import { InFlight } from '../../functions/sweep/in-flight.ts';
import type { Interruption } from '../../functions/time/interruption.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

const ALIVE = { isSeenSince: () => true };

/** A ping that ends when the test calls `answer`, or is interrupted. */
function ping() {
  const { promise, resolve: answer } = Promise.withResolvers<void>();
  let isStopped = false;
  const run = async (interruption: Interruption) => {
    interruption.onInterrupted(() => {
      isStopped = true;
      answer();
    });
    await promise;
  };
  return {
    run,
    answer,
    get isStopped() {
      return isStopped;
    },
  };
}

/** Begins as many pings as there are places, and asks for one place more. */
function filled(places: number, liveness: Pick<Liveness, 'isSeenSince'> = ALIVE) {
  const inFlight = new InFlight(places, liveness);
  const pings = Array.from({ length: places }, ping);
  for (const { run } of pings) inFlight.begin(run);
  const onFree = jest.fn();
  const waiting = inFlight.place().then(onFree);
  return { inFlight, pings, onFree, waiting };
}

async function finish(inFlight: InFlight): Promise<void> {
  inFlight.stop();
  await inFlight.settled();
  expect(jest.getTimerCount()).toBe(0);
}

describe('pings in flight', () => {
  test('pings in flight that hold all places make the next one wait', async () => {
    const { inFlight, onFree } = filled(3);
    await pass(50);
    expect(onFree).not.toHaveBeenCalled();
    await finish(inFlight);
  });

  test('a ping that is answered gives its place to the next one', async () => {
    const { inFlight, pings, onFree } = filled(3);
    pings[1]?.answer();
    await pass(0);
    expect(onFree).toHaveBeenCalled();
    await finish(inFlight);
  });

  test('a silent ping gives up its place when as many others were answered as there are places', async () => {
    const inFlight = new InFlight(2, ALIVE);
    const silent = ping();
    inFlight.begin(silent.run);
    const answerOne = async () => {
      const other = ping();
      await inFlight.place();
      inFlight.begin(other.run);
      other.answer();
      await pass(0);
    };
    await answerOne();
    await answerOne(); // the second answer frees the silent ping's place: both places are free now
    const holding = ping();
    inFlight.begin(holding.run);
    const onFree = jest.fn();
    inFlight.place().then(onFree);
    await pass(0);
    expect(onFree).toHaveBeenCalled();
    expect(silent.isStopped).toBe(false);
    await finish(inFlight);
  });

  test('pings in flight give up all places when none was answered for 100 ms, and go on', async () => {
    const { inFlight, pings, onFree } = filled(3);
    await pass(100);
    expect(onFree).toHaveBeenCalled();
    expect(pings.some(({ isStopped }) => isStopped)).toBe(false);
    await finish(inFlight);
  });

  test('pings in flight keep all places while the broker has given no sign of life since the last one', async () => {
    const liveness = new Liveness();
    liveness.seen();
    await pass(1);
    const { inFlight, onFree } = filled(3, liveness);
    await pass(5000);
    expect(onFree).not.toHaveBeenCalled();
    liveness.seen();
    await pass(100);
    expect(onFree).toHaveBeenCalled();
    await finish(inFlight);
  });

  test('silent pings keep their places for 100 ms from the last answer', async () => {
    const { inFlight, pings, onFree, waiting } = filled(3);
    pings[0]?.answer();
    await waiting;
    expect(onFree).toHaveBeenCalledTimes(1);
    inFlight.begin(ping().run);
    const onNext = jest.fn();
    inFlight.place().then(onNext);
    await pass(99);
    expect(onNext).not.toHaveBeenCalled();
    await finish(inFlight);
  });

  test('a stop ends all pings, and lets the waiting one go on to see the stop', async () => {
    const { inFlight, pings, waiting } = filled(3);
    inFlight.stop();
    await waiting;
    await inFlight.settled();
    await inFlight.stopped;
    expect(pings.every(({ isStopped }) => isStopped)).toBe(true);
    expect(inFlight.isStopped).toBe(true);
  });
});
