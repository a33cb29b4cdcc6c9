#!/usr/bin/env bash
# amqplib's publish() returns false when its buffer is full, and that buffer is full by the number of buffers in it, not by their bytes. What is
# published in one turn of the event loop is not written before the turn ends: 102 MB wait in memory before publish() says that the
# buffer is full, or 20 kB of small messages. The option highWaterMark of createChannel() counts them, too: 16384, in Node's own
# streams a number of bytes, lets 32,767 messages wait, whatever their size.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" amqplib@2.3.1

cat > publish.mjs <<'JS'
import { connect } from 'amqplib';
const connection = await connect(process.argv[2]);
const untilFull = async (bytes, options) => {
  const channel = await connection.createChannel(options);
  const message = Buffer.alloc(bytes);
  let messages = 1;
  while (channel.publish('', 'nobody', message)) messages++;
  const name = `messages of ${bytes} bytes${options ? ` with highWaterMark ${options.highWaterMark}` : ''}`;
  console.log(`${name}: full after ${messages}, ${(messages * bytes).toLocaleString('en')} bytes`);
  await new Promise((resolve) => channel.once('drain', resolve));
  await channel.close();
};
await untilFull(10);
await untilFull(100_000);
await untilFull(10, { highWaterMark: 16384 });
await untilFull(100_000, { highWaterMark: 256 });
await connection.close();
JS
saw=$(node publish.mjs "$amqp")
expected='messages of 10 bytes: full after 2047, 20,470 bytes
messages of 100000 bytes: full after 1024, 102,400,000 bytes
messages of 10 bytes with highWaterMark 16384: full after 32767, 327,670 bytes
messages of 100000 bytes with highWaterMark 256: full after 256, 25,600,000 bytes'
echo "amqplib 2.3.1, RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
