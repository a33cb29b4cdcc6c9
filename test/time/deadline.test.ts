import { describe, expect, test } from '@jest/globals';
import { Deadline } from '../../functions/time/deadline.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

describe('a deadline', () => {
  test('that has passed has no time left, rather than less than none', async () => {
    const deadline = Deadline.in(100);
    await pass(150);
    expect(deadline).toMatchObject({ leftMs: 0, isOver: true });
  });

  test('of which time is left is not over', async () => {
    const deadline = Deadline.in(100);
    await pass(40);
    expect(deadline).toMatchObject({ leftMs: 60, isOver: false });
  });

  test('that never comes stays as far away, and so does a share of it', async () => {
    expect(Deadline.never).toMatchObject({ leftMs: Number.POSITIVE_INFINITY, isOver: false });
    expect(Deadline.never.share(0.5).leftMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('with a limit is whichever comes first', () => {
    expect(Deadline.in(100).within(30).leftMs).toBe(30);
    expect(Deadline.in(20).within(30).leftMs).toBe(20);
    expect(Deadline.never.within(30).leftMs).toBe(30);
    expect(Deadline.in(20).or(Deadline.in(30)).leftMs).toBe(20);
    expect(Deadline.in(30).or(Deadline.in(20)).leftMs).toBe(20);
  });

  test('is shared by the time that is left, not by the time that there was', async () => {
    const deadline = Deadline.in(100);
    await pass(50);
    expect(deadline.share(0.8).leftMs).toBeCloseTo(40);
  });

  test('gives a signal that Node takes, however far away', () => {
    expect(Deadline.never.signal().aborted).toBe(false);
  });
});
