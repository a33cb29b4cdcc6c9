#!/usr/bin/env bash
# A RabbitMQ queue whose limit of length is 0, or of fewer bytes than the message has, hands the message to a consumer that waits, as
# long as it drops from its head (the default). With reject-publish it refuses the same message, though it is empty and the same
# consumer waits: the limit is compared before anybody looks for a consumer.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source "$(dirname "$0")/rabbitmq.bash" # RABBITMQ=3.10.8-1.1+deb12u1
start_rabbitmq
cd "$work"
npm install --silent --no-audit --no-fund amqplib@2.3.1

cat > limits.mjs <<'JS'
import amqp from 'amqplib';
const connection = await amqp.connect(process.argv[2]);
for (const limit of [{ 'x-max-length': 0 }, { 'x-max-length-bytes': 10 }])
  for (const overflow of ['drop-head', 'reject-publish']) {
    const channel = await connection.createConfirmChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true, arguments: { ...limit, 'x-overflow': overflow } });
    let received = 0;
    await channel.consume(queue, () => received++, { noAck: true });
    const answer = await new Promise((resolve) =>
      channel.sendToQueue(queue, Buffer.from('a message of 26 characters'), {}, (error) => resolve(error ? 'nack' : 'ack')),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { messageCount, consumerCount } = await channel.checkQueue(queue);
    console.log(JSON.stringify(limit), overflow, `${answer}, received ${received}, in it ${messageCount}, consumers ${consumerCount}`);
  }
await connection.close();
JS
saw=$(node limits.mjs "$amqp")
expected='{"x-max-length":0} drop-head ack, received 1, in it 0, consumers 1
{"x-max-length":0} reject-publish nack, received 0, in it 0, consumers 1
{"x-max-length-bytes":10} drop-head ack, received 1, in it 0, consumers 1
{"x-max-length-bytes":10} reject-publish nack, received 0, in it 0, consumers 1'
echo "amqplib 2.3.1, RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
