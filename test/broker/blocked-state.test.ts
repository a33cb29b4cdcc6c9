import { EventEmitter } from 'node:events';
import { describe, expect, jest, test } from '@jest/globals';
import { BlockedState } from '../../functions/broker/blocked-state.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import type { Interruption } from '../../functions/time/interruption.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

/** Work that lasts until it is interrupted. */
function endless(interruption: Interruption): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  interruption.onInterrupted(reject);
  return promise;
}

function guarded(deadline = Deadline.in(15_000)) {
  const connection = new EventEmitter();
  const blocked = new BlockedState(connection);
  const work = jest.fn(endless);
  const begin = () => {
    const outcome = jest.fn();
    blocked.run(deadline, work).catch(outcome);
    return outcome;
  };
  return { connection, blocked, work, begin };
}

describe('work on a connection', () => {
  test('work fails without being begun when the broker blocks publishing for a second', async () => {
    const { connection, work, begin } = guarded();
    connection.emit('blocked');
    const outcome = begin();
    await pass(999);
    expect(outcome).not.toHaveBeenCalled();
    await pass(1);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ code: 'broker_blocked' }));
    expect(work).not.toHaveBeenCalled();
  });

  test('work that has begun is ended when the broker blocks publishing for a second', async () => {
    const { connection, begin } = guarded();
    const outcome = begin();
    await pass(5000);
    connection.emit('blocked');
    await pass(1000);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ code: 'broker_blocked' }));
  });

  test('work is broker_blocked at its deadline even where the blockage was shorter than a second', async () => {
    const { connection, begin } = guarded(Deadline.in(300));
    connection.emit('blocked');
    const outcome = begin();
    await pass(300);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ code: 'broker_blocked' }));
  });

  test('work that is blocked until its own time-out is broker_blocked, and not out of time', async () => {
    const { connection, blocked } = guarded();
    const outcome = jest.fn();
    const timeout = async (interruption: Interruption) => {
      const { promise, reject } = Promise.withResolvers<never>();
      setTimeout(() => reject(new Error('out of time')), 1000);
      return Promise.race([promise, endless(interruption)]);
    };
    blocked.run(Deadline.in(1000), timeout).catch(outcome);
    await pass(250);
    connection.emit('blocked');
    await pass(750);
    expect(outcome).toHaveBeenCalledWith(expect.objectContaining({ code: 'broker_blocked' }));
  });

  test('work is begun, and goes on, when the blockage clears within a second', async () => {
    const { connection, blocked, work, begin } = guarded();
    connection.emit('blocked');
    const outcome = begin();
    await pass(900);
    connection.emit('unblocked');
    await pass(5000);
    expect(work).toHaveBeenCalled();
    expect(outcome).not.toHaveBeenCalled();
    expect(blocked.isBlocked).toBe(false);
  });

  test('work that ends by itself leaves no timer', async () => {
    const { blocked } = guarded();
    await expect(blocked.run(Deadline.in(100), async () => 'pong')).resolves.toBe('pong');
    expect(jest.getTimerCount()).toBe(0);
  });
});
