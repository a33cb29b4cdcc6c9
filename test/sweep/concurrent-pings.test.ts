import { describe, expect, jest, test } from '@jest/globals';
import { Liveness } from '../../functions/oslo/liveness.ts';
import { ConcurrentPings } from '../../functions/sweep/concurrent-pings.ts';
import type { Interruption } from '../../functions/time/interruption.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

const ALIVE = { isSeenSince: () => true };

/** A ping that ends when the test calls `answer`, or is interrupted. */
function ping() {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let isStopped = false;
  const run = (interruption: Interruption) => {
    interruption.onInterrupted(() => {
      isStopped = true;
      resolve(false);
    });
    return promise;
  };
  return {
    run,
    answer: () => resolve(true),
    get isStopped() {
      return isStopped;
    },
  };
}

/** Starts as many pings as there are slots, and asks for one slot more. */
function filled(slots: number, liveness: Pick<Liveness, 'isSeenSince'> = ALIVE) {
  const inFlight = new ConcurrentPings(liveness, slots);
  const pings = Array.from({ length: slots }, () => start(inFlight));
  const onFree = jest.fn();
  const waiting = inFlight.slot().then(onFree);
  return { inFlight, pings, onFree, waiting };
}

function start(inFlight: ConcurrentPings) {
  const started = ping();
  inFlight.start(started.run);
  return started;
}

/** So many guests answer after so long. */
async function answerAfter(inFlight: ConcurrentPings, ms: number, times = 1): Promise<void> {
  for (let time = 0; time < times; time++) {
    const answering = start(inFlight);
    await pass(ms);
    answering.answer();
    await pass(0);
  }
}

async function finish(inFlight: ConcurrentPings): Promise<void> {
  inFlight.stop();
  await inFlight.settled();
  expect(jest.getTimerCount()).toBe(0);
}

describe('pings in flight', () => {
  test('pings in flight that hold all slots make the next one wait', async () => {
    const { inFlight, onFree } = filled(3);
    await pass(50);
    expect(onFree).not.toHaveBeenCalled();
    await finish(inFlight);
  });

  test('a ping that is answered gives its slot to the next one', async () => {
    const { inFlight, pings, onFree } = filled(3);
    pings[1]?.answer();
    await pass(0);
    expect(onFree).toHaveBeenCalled();
    await finish(inFlight);
  });

  test('pings that are silent for 100 ms give up their slots, and go on', async () => {
    const { inFlight, pings, onFree } = filled(3);
    await pass(99);
    expect(onFree).not.toHaveBeenCalled();
    await pass(1);
    expect(onFree).toHaveBeenCalled();
    expect(pings.some(({ isStopped }) => isStopped)).toBe(false);
    await finish(inFlight);
  });

  test('a silent ping among others that are answered gives up its slot', async () => {
    const inFlight = new ConcurrentPings(ALIVE, 2);
    const silent = start(inFlight);
    await answerAfter(inFlight, 10, 10);
    start(inFlight);
    expect(inFlight.isFull).toBe(false);
    expect(silent.isStopped).toBe(false);
    await finish(inFlight);
  });

  test('pings of a slow fleet keep their slots for four usual round trips', async () => {
    const inFlight = new ConcurrentPings(ALIVE, 1);
    await answerAfter(inFlight, 500, 5);
    expect(inFlight.silenceMs).toBe(2000);
    const onFree = jest.fn();
    start(inFlight);
    inFlight.slot().then(onFree);
    await pass(1900);
    expect(onFree).not.toHaveBeenCalled();
    await pass(200);
    expect(onFree).toHaveBeenCalled();
    await finish(inFlight);
  });

  test('one slow guest does not make a fleet slow', async () => {
    const inFlight = new ConcurrentPings(ALIVE, 1);
    await answerAfter(inFlight, 1, 50);
    await answerAfter(inFlight, 3000);
    expect(inFlight.silenceMs).toBeLessThan(500);
    await finish(inFlight);
  });

  test('pings in flight keep all slots while the broker has given no sign of life since the last one', async () => {
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
