import { describe, expect, jest, test } from '@jest/globals';
import { sharedProof } from '../../functions/sweep/shared-proof.ts';

function proofs() {
  const running: PromiseWithResolvers<void>[] = [];
  const prove = jest.fn(() => {
    const proof = Promise.withResolvers<void>();
    running.push(proof);
    return proof.promise;
  });
  return { shared: sharedProof(prove), prove, running };
}

/** Lets all that is resolved be carried out. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a proof of life', () => {
  test('a proof of life that fails fails for all who asked for it, and not for those who ask later', async () => {
    const { shared, running } = proofs();
    const asked = [shared(), shared()];
    await settle();
    running[0]?.reject(new Error('dead'));
    for (const outcome of await Promise.allSettled(asked)) expect(outcome.status).toBe('rejected');
    const later = shared();
    await settle();
    running[1]?.resolve();
    await expect(later).resolves.toBeUndefined();
  });

  test('a proof of life that was running before does not count for those who ask now', async () => {
    const { shared, running, prove } = proofs();
    shared();
    await settle();
    const onProven = jest.fn();
    shared().then(onProven);
    running[0]?.resolve();
    await settle();
    expect(onProven).not.toHaveBeenCalled();
    expect(prove).toHaveBeenCalledTimes(2);
    running[1]?.resolve();
    await settle();
    expect(onProven).toHaveBeenCalled();
  });

  test('a proof of life is one for all who ask at the same time', async () => {
    const { shared, prove } = proofs();
    for (let i = 0; i < 100; i++) shared();
    await settle();
    expect(prove).toHaveBeenCalledTimes(1);
  });
});
