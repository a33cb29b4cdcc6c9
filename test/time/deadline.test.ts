import { describe, expect, test } from '@jest/globals';
import { Deadline } from '../../functions/time/deadline.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

describe('a deadline', () => {
  test('a deadline that has passed has zero milliseconds left, not less', async () => {
    const deadline = Deadline.in(100);
    await pass(150);
    expect(deadline).toMatchObject({ leftMs: 0, isOver: true });
  });

  test('a deadline with time left is not over', async () => {
    const deadline = Deadline.in(100);
    await pass(40);
    expect(deadline).toMatchObject({ leftMs: 60, isOver: false });
  });

  test('a deadline that never comes has infinite time left, and so has a share of it', async () => {
    expect(Deadline.never).toMatchObject({ leftMs: Number.POSITIVE_INFINITY, isOver: false });
    expect(Deadline.never.share(0.5).leftMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('a deadline with a limit is the sooner of the two', () => {
    expect(Deadline.in(100).within(30).leftMs).toBe(30);
    expect(Deadline.in(20).within(30).leftMs).toBe(20);
    expect(Deadline.never.within(30).leftMs).toBe(30);
  });

  test('a share of a deadline is a share of the time that is left', async () => {
    const deadline = Deadline.in(100);
    await pass(50);
    expect(deadline.share(0.8).leftMs).toBeCloseTo(40);
  });

  test('a deadline that never comes gives a valid signal, which is not aborted', () => {
    expect(Deadline.never.signal().aborted).toBe(false);
  });
});
