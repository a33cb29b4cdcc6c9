#!/usr/bin/env bash
# A passive declaration of a stream answers that it has no consumer and no message, while a consumer is attached and has received one.
# The same question about a quorum queue is answered with both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq
cd "$work"
npm install --silent --no-audit --no-fund amqplib@2.3.1

cat > counts.mjs <<'JS'
import amqp from 'amqplib';
const connection = await amqp.connect(process.argv[2]);
for (const type of ['quorum', 'stream']) {
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue(`a-${type}`, { durable: true, arguments: { 'x-queue-type': type } });
  await channel.prefetch(1);
  let received = 0;
  await channel.consume(queue, () => received++);
  for (const text of ['one', 'two']) channel.sendToQueue(queue, Buffer.from(text));
  await channel.waitForConfirms();
  while (received === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  const { messageCount, consumerCount } = await channel.checkQueue(queue);
  console.log(`${type}: received ${received}, consumers ${consumerCount}, messages ${messageCount}`);
}
await connection.close();
JS
saw=$(node counts.mjs "$amqp")
expected='quorum: received 1, consumers 1, messages 1
stream: received 1, consumers 0, messages 0'
echo "amqplib 2.3.1, RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
