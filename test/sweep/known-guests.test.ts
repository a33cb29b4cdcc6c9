import { expect, test } from '@jest/globals';
import { KnownGuests, type ListNames } from '../../functions/sweep/known-guests.ts';
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
  const fleet = new KnownGuests({ bindings: failing('no bindings'), queues: failing('no queues') });
  await expect(fleet.list(DEADLINE)).rejects.toThrow('The guests cannot be listed: no bindings');
});

test('a fleet whose bindings cannot be listed is that of the queues, with the reason', async () => {
  const fleet = new KnownGuests({ bindings: failing('no bindings'), queues: listing(`guestagent.${ONE}`) });
  await expect(fleet.list(DEADLINE)).resolves.toEqual({
    guests: new Set([ONE]),
    from: 'queues',
    problem: 'no bindings',
  });
});

test('a fleet without bindings, as where the exchange is missing, is that of the queues', async () => {
  const fleet = new KnownGuests({ bindings: listing('x'), queues: listing(`guestagent.${ONE}`) });
  await expect(fleet.list(DEADLINE)).resolves.toEqual({ guests: new Set([ONE]), from: 'queues' });
  const empty = new KnownGuests({ bindings: listing(), queues: listing() });
  await expect(empty.list(DEADLINE)).resolves.toEqual({ guests: new Set(), from: 'queues' });
});

test('a fleet that can no longer be listed is that of the last list, with its age and the reason', async () => {
  let isUp = true;
  const sometimes: ListNames = (...args) => (isUp ? listing(`guestagent.${ONE}`) : failing('down'))(...args);
  const fleet = new KnownGuests({ bindings: sometimes, queues: failing('no queues') });
  await fleet.list(DEADLINE);
  isUp = false;
  await expect(fleet.list(DEADLINE)).resolves.toEqual({
    guests: new Set([ONE]),
    from: 'last_list',
    problem: 'down',
    ageMs: expect.any(Number),
  });
});

test("a guest that is bound twice is listed once, and what is no guest's topic is not listed", async () => {
  const others = [`guestagent.${TWO}.host`, `guestagent.${TWO.slice(1)}`, 'guestagent.', TWO, `reply_${TWO}`];
  const fleet = new KnownGuests({
    bindings: listing(`guestagent.${ONE}`, ...others, `guestagent.${ONE}`, `guestagent.${ONE.toUpperCase()}`),
    queues: failing('not asked'),
  });
  await expect(fleet.list(DEADLINE)).resolves.toEqual({ guests: new Set([ONE]), from: 'bindings' });
});
