import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';
import { Inspector } from '../../functions/oslo/inspector.ts';
import { QUEUE_OPTIONS } from '../setup/guest-queues.ts';
import { respond } from '../setup/responder.ts';
import { TestBroker } from '../setup/test-broker.ts';

const TIMEOUT_MS = 10_000;

let broker: TestBroker;
let server: ConfirmChannel;
let connection: ChannelModel;
let inspector: Inspector;
let channels: Channel[];

beforeAll(async () => {
  broker = await TestBroker.create();
  server = await broker.channel();
});
afterAll(() => broker.delete());

beforeEach(async () => {
  connection = await broker.connect();
  channels = [];
  inspector = new Inspector(async () => {
    const channel = (await connection.createChannel()).on('error', () => undefined);
    channels.push(channel);
    return channel;
  }, 'a key that no queue is bound with');
});

async function guestTarget() {
  const id = randomUUID();
  await respond(server, id, () => undefined);
  return { exchange: 'trove', topic: `guestagent.${id}` };
}

describe('the inspector', () => {
  test('reports a connection that is closing as a failure of the connection', async () => {
    await connection.close();
    const question = inspector.listeners({ exchange: 'trove', topic: 'any' }, TIMEOUT_MS);
    await expect(question).rejects.toMatchObject({ name: 'MessageDeliveryFailure', how: 'closed' });
  });

  test('reports a broker that opens no channel in time as a failure of the connection', async () => {
    const deaf = new Inspector(() => Promise.withResolvers<Channel>().promise, 'key');
    await expect(deaf.proveAlive('trove', 50)).rejects.toMatchObject({ how: 'unconfirmed' });
  });

  test('answers undefined for a queue that is missing, and answers the next question all the same', async () => {
    const target = await guestTarget();
    const missing = { ...target, topic: `guestagent.${randomUUID()}` };
    await expect(inspector.listeners(missing, TIMEOUT_MS)).resolves.toBeUndefined();
    await expect(inspector.listeners(target, TIMEOUT_MS)).resolves.toEqual({ consumers: 1, messages: 0 });
  });

  test('counts the messages of a queue that nobody consumes', async () => {
    const target = await guestTarget();
    const dead = { ...target, topic: `${target.topic}-dead` };
    await server.assertQueue(dead.topic, QUEUE_OPTIONS);
    server.sendToQueue(dead.topic, Buffer.from('{}'));
    await server.waitForConfirms();
    await expect(inspector.listeners(dead, TIMEOUT_MS)).resolves.toEqual({ consumers: 0, messages: 1 });
  });

  test('does not ask what is no longer wanted when its turn comes', async () => {
    const target = await guestTarget();
    await expect(inspector.listeners(target, TIMEOUT_MS, () => false)).resolves.toBeUndefined();
    expect(channels).toEqual([]);
  });

  test('asks one question at a time, so that no more than two channels are open', async () => {
    const target = await guestTarget();
    let [open, most] = [0, 0];
    const counting = new Inspector(async () => {
      const channel = (await connection.createChannel()).on('error', () => undefined);
      most = Math.max(most, ++open);
      channel.on('close', () => open--);
      return channel;
    }, 'key');
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => counting.listeners(target, TIMEOUT_MS)),
    );
    expect(new Set(answers.map((answer) => answer?.consumers))).toEqual(new Set([1]));
    expect(most).toBeLessThanOrEqual(2); // one is being closed while the next one opens
  });
});
