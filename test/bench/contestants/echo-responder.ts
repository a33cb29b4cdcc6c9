import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Channel, connect } from 'amqplib';

// Answers pings as fast as amqplib can, for any number of guests. `node echo-responder.ts BROKER_URL` reads a JSON list
// of instance ids from each line of standard input, and writes a line on file descriptor 3 when these guests' queues are
// consumed.

/** On one channel, amqplib declares one queue at a time, and ten thousand of them would take minutes. */
const CHANNELS = 16;

const connection = await connect(process.argv[2] ?? '', { noDelay: true });
const channels = await Promise.all(Array.from({ length: CHANNELS }, () => connection.createChannel()));
const PROPERTIES = { contentType: 'application/json', contentEncoding: 'utf-8', headers: {} };
const MSG_ID = /_msg_id\\": ?\\"([0-9a-f]{32})/;
const REPLY_QUEUE = /_reply_q\\": ?\\"(reply_[0-9a-f]{32})/;

function answer(channel: Channel, request: string): void {
  const msgId = MSG_ID.exec(request)?.[1];
  const message = `{"result":true,"failure":null,"ending":true,"_msg_id":"${msgId}","_unique_id":"${msgId}"}`;
  const body = JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': message });
  channel.sendToQueue(REPLY_QUEUE.exec(request)?.[1] ?? '', Buffer.from(body), PROPERTIES);
}

/** Answers for each guest whose index is `first` plus a multiple of the number of channels. */
async function answerFor(ids: readonly string[], channel: Channel, first: number): Promise<void> {
  await channel.assertExchange('trove', 'topic', { durable: false });
  for (let index = first; index < ids.length; index += CHANNELS) {
    const topic = `guestagent.${ids[index]}`;
    await channel.assertQueue(topic, { durable: false, exclusive: true });
    await channel.bindQueue(topic, 'trove', topic);
    await channel.consume(topic, (request) => request && answer(channel, request.content.toString()), {
      noAck: true,
    });
  }
}

for await (const line of createInterface(process.stdin)) {
  const ids: string[] = JSON.parse(line);
  await Promise.all(channels.map((channel, first) => answerFor(ids, channel, first)));
  writeSync(3, '{}\n');
}
