import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';
import { NoChannel } from '../../functions/oslo/channels.ts';
import { Inspector, type QuestionTiming } from '../../functions/oslo/inspector.ts';
import { Liveness } from '../../functions/oslo/liveness.ts';
import { replyQueueName } from '../../functions/oslo/reply-queue.ts';
import { Deadline } from '../../functions/time/deadline.ts';
import { QUEUE_OPTIONS } from '../setup/guest-queues.ts';
import { respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';

const TIMING: QuestionTiming = {
  deadline: Deadline.never,
  openTimeoutMs: 10_000,
  answerTimeoutMs: 10_000,
};

let broker: TestBroker;
let server: ConfirmChannel;
let connection: ChannelModel;
let inspector: Inspector;
let inspectorOver: (open: () => Promise<Channel>) => Inspector;
let channels: Channel[];
let liveness: Liveness;
let replyQueue: string;

beforeAll(async () => {
  broker = await TestBroker.create();
  server = await broker.channel();
});
afterAll(() => broker.delete());

beforeEach(async () => {
  connection = await broker.connect();
  channels = [];
  liveness = new Liveness();
  const consuming = await connection.createChannel();
  replyQueue = replyQueueName();
  await consuming.assertQueue(replyQueue, { exclusive: true });
  const open = async () => {
    const channel = (await connection.createChannel()).on('error', () => undefined);
    channels.push(channel);
    return channel;
  };
  inspectorOver = (opener) => new Inspector({ open: opener }, consuming, replyQueue, liveness);
  inspector = inspectorOver(open);
});

async function guestTarget() {
  const id = randomUUID();
  await respond(server, id, () => undefined);
  return { exchange: 'trove', topic: `guestagent.${id}` };
}

test('a question on a connection that is closing fails as a connection that was closed', async () => {
  await connection.close();
  const question = inspector.queueCounts({ exchange: 'trove', topic: 'any' }, TIMING);
  await expect(question).rejects.toMatchObject({ name: 'MessageDeliveryFailure', how: 'closed' });
});

test('a broker that opens no channel in time gives no proof of life', async () => {
  const deaf = inspectorOver(() => Promise.withResolvers<Channel>().promise);
  await expect(deaf.proveAlive('trove', 50)).rejects.toMatchObject({ how: 'unconfirmed' });
  expect(liveness.isSeenSince(0)).toBe(false);
});

test('a channel that opens is a sign of life', async () => {
  await guestTarget();
  await inspector.proveAlive('trove', 10_000);
  expect(liveness.isSeenSince(0)).toBe(true);
});

test('a connection that may open no further channel proves that it lives, and learns no counts', async () => {
  const full = inspectorOver(() => Promise.reject(new NoChannel('full')));
  await full.proveAlive('trove', 10_000);
  expect(liveness.isSeenSince(0)).toBe(true);
  await expect(full.queueCounts(await guestTarget(), TIMING)).resolves.toBeUndefined();
});

test('a missing queue is told, and the next question is answered all the same', async () => {
  const target = await guestTarget();
  const missing = { ...target, topic: `guestagent.${randomUUID()}` };
  await expect(inspector.queueCounts(missing, TIMING)).resolves.toBe('missing');
  await expect(inspector.queueCounts(target, TIMING)).resolves.toEqual({ consumers: 1, messages: 0 });
});

test('the messages of a queue that nobody consumes are counted', async () => {
  const target = await guestTarget();
  const dead = { ...target, topic: `${target.topic}-dead` };
  await server.assertQueue(dead.topic, QUEUE_OPTIONS);
  server.sendToQueue(dead.topic, Buffer.from('{}'));
  await server.waitForConfirms();
  await expect(inspector.queueCounts(dead, TIMING)).resolves.toEqual({ consumers: 0, messages: 1 });
});

test('a question that is no longer wanted when it has its slot is not asked', async () => {
  const target = await guestTarget();
  await expect(inspector.queueCounts(target, TIMING, () => false)).resolves.toBeUndefined();
  expect(channels).toEqual([]);
});

test('the reply exchange is bound where a silent server consumes its queue, and nowhere else', async () => {
  const target = await guestTarget();
  const unconsumed = { ...target, topic: `${target.topic}-unconsumed` };
  await server.assertQueue(unconsumed.topic, QUEUE_OPTIONS);
  const closed: Promise<unknown>[] = [];
  const watched = inspectorOver(async () => {
    const channel = await connection.createChannel();
    closed.push(once(channel, 'close'));
    return channel;
  });
  const isBound = async () => {
    await Promise.all(closed);
    return (await broker.list('exchanges')).some(({ name }) => name === replyQueue);
  };
  await watched.queueCounts(target, TIMING);
  await watched.queueCounts(unconsumed, TIMING, () => true);
  expect(await isBound()).toBe(false);
  await watched.queueCounts(target, TIMING, () => true);
  expect(await isBound()).toBe(true);
});

test('a hundred questions are all answered, over sixteen channels at most', async () => {
  const target = await guestTarget();
  let [open, most] = [0, 0];
  const counting = inspectorOver(async () => {
    most = Math.max(most, ++open);
    const channel = (await connection.createChannel()).on('error', () => undefined);
    return channel.on('close', () => open--);
  });
  const answers = await Promise.all(Array.from({ length: 100 }, () => counting.queueCounts(target, TIMING)));
  expect(answers).toEqual(Array.from({ length: 100 }, () => ({ consumers: 1, messages: 0 })));
  expect(most).toBe(16);
});
