import { describe, expect, jest, test } from '@jest/globals';
import { Turns } from '../../functions/oslo/turns.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

describe('turns', () => {
  test('turns that are all taken are not had by the deadline, and no turn is lost thereby', async () => {
    const turns = new Turns(1);
    await turns.take(Deadline.never);
    const late = turns.take(Deadline.in(100));
    await pass(100);
    await expect(late).resolves.toBe(false);
    turns.give();
    await expect(turns.take(Deadline.in(100))).resolves.toBe(true);
  });

  test('turns are given back to whoever has waited longest', async () => {
    const turns = new Turns(1);
    await turns.take(Deadline.never);
    const [first, second] = [jest.fn(), jest.fn()];
    turns.take(Deadline.never).then(first);
    turns.take(Deadline.never).then(second);
    turns.give();
    await pass(0);
    expect(first).toHaveBeenCalledWith(true);
    expect(second).not.toHaveBeenCalled();
  });
});
