import { expect, test } from '@jest/globals';
import type { StateStore } from '../../functions/store/state-store.ts';
import { Deadline } from '../../functions/time/deadline.ts';

const SOON = Deadline.in(60_000);

/** What every store must do. @param open opens a store at a place where nothing is kept */
export function testStore(open: () => StateStore): void {
  test('a store that has nothing reads undefined', async () => {
    await expect(open().read(SOON)).resolves.toBeUndefined();
  });

  test('a store reads what was written last, byte for byte, with another version for another text', async () => {
    const store = open();
    await store.replace(undefined, 'one – “1”', SOON);
    const one = await store.read(SOON);
    expect(one?.text).toBe('one – “1”');
    await store.replace(one?.version, 'two', SOON);
    const two = await store.read(SOON);
    expect(two?.text).toBe('two');
    expect(two?.version).not.toBe(one?.version);
  });

  test('a writer that has read an older version gets a conflict, and changes nothing', async () => {
    const store = open();
    await store.replace(undefined, 'one', SOON);
    const old = await store.read(SOON);
    await store.replace(old?.version, 'two', SOON);
    const conflict = { code: 'state_conflict' };
    await expect(store.replace(old?.version, 'three', SOON)).rejects.toMatchObject(conflict);
    await expect(store.replace(undefined, 'three', SOON)).rejects.toMatchObject(conflict);
    await expect(store.read(SOON)).resolves.toMatchObject({ text: 'two' });
  });

  test('of many writers at once that have read the same, one succeeds', async () => {
    const store = open();
    await store.replace(undefined, 'old', SOON);
    const old = await store.read(SOON);
    const texts = Array.from({ length: 8 }, (_, index) => `new ${index}`);
    const writes = await Promise.allSettled(texts.map((text) => store.replace(old?.version, text, SOON)));
    const winners = texts.filter((_, index) => writes[index]?.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    for (const write of writes)
      if (write.status === 'rejected') expect(write.reason).toMatchObject({ code: 'state_conflict' });
    await expect(store.read(SOON)).resolves.toMatchObject({ text: winners[0] });
  });

  test('a store takes two megabytes', async () => {
    const store = open();
    const text = JSON.stringify('x'.repeat(2_000_000));
    await store.replace(undefined, text, SOON);
    await expect(store.read(SOON)).resolves.toMatchObject({ text });
  });
}
