import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import type { Channel } from 'amqplib';
import { NoChannel } from '../../functions/oslo/channels.ts';
import { Inspector } from '../../functions/oslo/inspector.ts';
import { Liveness } from '../../functions/oslo/liveness.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { pass, useFakeClock } from '../setup/fake-clock.ts';

useFakeClock();

test.each([
  ["home node 'rabbit@b' of durable queue 'q' in vhost '/' is down or inaccessible", 'down'],
  ["no queue 'q' in vhost '/'", 'missing'],
])('a 404 "%s" means that the queue is %s', async (words, answer) => {
  const message = `Operation failed: QueueDeclare; 404 (NOT-FOUND) with message "NOT_FOUND - ${words}"`; // of RabbitMQ 3.10
  const checkQueue = async () => Promise.reject(Object.assign(new Error(message), { code: 404 }));
  const channel: object = Object.assign(new EventEmitter(), {
    checkQueue,
    publish: () => true,
    close: async () => undefined,
  });
  const channels = { open: async () => channel as Channel };
  const inspector = new Inspector(channels, { checkQueue }, 'reply_x', new Liveness());
  const timing = { deadline: Deadline.never, openTimeoutMs: 1000, answerTimeoutMs: 1000 };
  expect(await inspector.queueCounts({ exchange: 'trove', topic: 'q' }, timing)).toBe(answer);
});

test('a connection that has closed when the channel for a question is open fails as closed', async () => {
  const closed = () => {
    throw new Error('Channel closed');
  };
  const checkQueue = async () => closed();
  const channel: object = Object.assign(new EventEmitter(), { checkQueue, publish: closed });
  const channels = { open: async () => channel as Channel };
  const inspector = new Inspector(channels, { checkQueue }, 'reply_x', new Liveness());
  await expect(inspector.proveAlive('trove', 1000)).rejects.toMatchObject({ how: 'closed' });
});

test('a broker that is silent, and opens no channel, is given up after the time that it has', async () => {
  const never = () => new Promise<never>(() => undefined);
  const full = async (deadline: Deadline) => {
    await new Promise((resolve) => setTimeout(resolve, deadline.leftMs));
    throw new NoChannel('full');
  };
  const inspector = new Inspector({ open: full }, { checkQueue: never }, 'reply_x', new Liveness());
  let failure: unknown;
  inspector.proveAlive('trove', 1000).catch((error) => {
    failure = error;
  });
  await pass(900);
  expect(failure).toBeUndefined();
  await pass(200);
  expect(failure).toMatchObject({ how: 'unconfirmed' });
});
