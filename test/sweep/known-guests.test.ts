import { expect, test } from '@jest/globals';
import { guestLister, type ListNames } from '../../functions/sweep/known-guests.ts';
import { Deadline } from '../../functions/time/deadline.ts';

const ONE = '00000000-0000-4000-8000-000000000001';
const TWO = '00000000-0000-4000-8000-000000000002';
const DEADLINE = Deadline.never;

function listing(...names: string[]): ListNames {
  return async () => names;
}

function failing(why: string): ListNames {
  return async () => {
    throw new Error(why);
  };
}

test('a fleet that could never be listed is unknown, for the reason of the first attempt', async () => {
  const list = guestLister({ bindings: failing('no bindings'), queues: failing('no queues') });
  const problem = 'The guests cannot be listed: no bindings';
  await expect(list(DEADLINE)).resolves.toEqual({ guests: new Set(), from: 'nowhere', problem });
});

test('a fleet whose bindings cannot be listed is that of the queues, with the reason', async () => {
  const list = guestLister({ bindings: failing('no bindings'), queues: listing(`guestagent.${ONE}`) });
  await expect(list(DEADLINE)).resolves.toEqual({
    guests: new Set([ONE]),
    from: 'queues',
    problem: 'no bindings',
  });
});

test('a fleet without bindings, as where the exchange is missing, is that of the queues', async () => {
  const list = guestLister({ bindings: listing('x'), queues: listing(`guestagent.${ONE}`) });
  await expect(list(DEADLINE)).resolves.toEqual({ guests: new Set([ONE]), from: 'queues' });
  const listNone = guestLister({ bindings: listing(), queues: listing() });
  await expect(listNone(DEADLINE)).resolves.toEqual({ guests: new Set(), from: 'queues' });
});

test('a fleet that can no longer be listed is that of the last list, with its age and the reason', async () => {
  let isUp = true;
  const sometimes: ListNames = (...args) => (isUp ? listing(`guestagent.${ONE}`) : failing('down'))(...args);
  const list = guestLister({ bindings: sometimes, queues: failing('no queues') });
  await list(DEADLINE);
  isUp = false;
  await expect(list(DEADLINE)).resolves.toEqual({
    guests: new Set([ONE]),
    from: 'last_list',
    problem: 'down',
    ageMs: expect.any(Number),
  });
});

test("a guest that is bound twice is listed once, and what is no guest's topic is not listed", async () => {
  const others = [`guestagent.${TWO}.host`, `guestagent.${TWO.slice(1)}`, 'guestagent.', TWO, `reply_${TWO}`];
  const list = guestLister({
    bindings: listing(`guestagent.${ONE}`, ...others, `guestagent.${ONE}`, `guestagent.${ONE.toUpperCase()}`),
    queues: failing('not asked'),
  });
  await expect(list(DEADLINE)).resolves.toEqual({ guests: new Set([ONE]), from: 'bindings' });
});
