import { expect, jest, test } from '@jest/globals';
import { Semaphore } from '../../functions/oslo/semaphore.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

test('a slot that is not free by the deadline is not acquired, and not lost', async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire(Deadline.never);
  const late = semaphore.acquire(Deadline.in(100));
  await pass(100);
  await expect(late).resolves.toBe(false);
  semaphore.release();
  await expect(semaphore.acquire(Deadline.in(100))).resolves.toBe(true);
});

test('a released slot goes to whoever has waited longest', async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire(Deadline.never);
  const [first, second] = [jest.fn(), jest.fn()];
  semaphore.acquire(Deadline.never).then(first);
  semaphore.acquire(Deadline.never).then(second);
  semaphore.release();
  await pass(0);
  expect(first).toHaveBeenCalledWith(true);
  expect(second).not.toHaveBeenCalled();
});
