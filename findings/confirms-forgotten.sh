#!/usr/bin/env bash
# amqplib's waitForConfirms() speaks only of messages that are unconfirmed when it is called. A basic.nack that came before is
# forgotten: the promise resolves though the broker refused messages of this channel.
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
const publish = async (waitFirst) => {
  const channel = await connection.createConfirmChannel();
  const queue = waitFirst ? 'early' : 'late';
  await channel.assertQueue(queue, { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
  channel.sendToQueue(queue, Buffer.from('the one that fits'));
  await channel.waitForConfirms();
  const nacked = new Promise((resolve) => {
    channel.sendToQueue(queue, Buffer.from('one too many'), {}, (error) => resolve(error?.message));
  });
  if (!waitFirst) console.log(`callback: ${await nacked}`);
  await channel.waitForConfirms().then(
    () => console.log(`waitForConfirms ${waitFirst ? 'before' : 'after'} the nack: resolved`),
    (error) => console.log(`waitForConfirms ${waitFirst ? 'before' : 'after'} the nack: ${error.message}`),
  );
};
await publish(true);
await publish(false);
await connection.close();
JS
saw=$(node publish.mjs "$amqp")
expected='waitForConfirms before the nack: message nacked
callback: message nacked
waitForConfirms after the nack: resolved'
echo "amqplib 2.3.1, RabbitMQ $RABBITMQ"
echo "$saw"
[ "$saw" = "$expected" ]
